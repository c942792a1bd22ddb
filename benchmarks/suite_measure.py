"""One row for real: its model as a file, the row and its baseline in one run, and their ratio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from suite_models import built
from suite_record import Measured, Side
from suite_rows import FLOAT, ROOT, Model, Row, Way

from edgetl.bundle import Bundle
from edgetl.device.bench.models import BenchSettings, bench_subjects
from edgetl.device.bench.subjects import Timeable, Wanted, subjects_of
from edgetl.device.candidates import backends_of
from edgetl.device.fitness import unfit_because
from edgetl.device.onnx_file import identity_of, parts_of
from edgetl.device.probe import environment
from edgetl.environment import Environment
from edgetl.errors import BackendError, InputError, MissingExtra, Unsupported
from edgetl.gates import Gates
from edgetl.plugins import RENDERINGS
from edgetl.progress import Progress
from edgetl.recipe import read_recipe
from edgetl.result import BundleIdentity, CandidateResult, Result
from edgetl.runner import Backend
from edgetl.target import Target
from edgetl.validity import Validity


@dataclass(frozen=True)
class Source:
    """A model as it lies on disk."""

    model: Path | Bundle

    @property
    def identity(self) -> BundleIdentity:
        """What results are recorded under."""
        if isinstance(self.model, Bundle):
            return self.model.identity
        return BundleIdentity(self.model.name, None, identity_of(parts_of(self.model)))


@dataclass(frozen=True)
class Bench:
    """Measures rows on this machine."""

    cache: Path
    progress: Progress
    root: Path = ROOT
    """What paths in suites start from."""

    def source(self, model: Model) -> Source:
        """The model, built or prepared first where it must be.

        Raises:
            EdgeTLError: why it is not to be had.
        """
        if model.build is not None:
            return Source(built(model.build, self.cache / "suite-models"))
        if model.recipe is not None:
            return Source(self._prepared(self.root / model.recipe, model.variants))
        if model.bundle is not None:
            return Source(Bundle.open(self.root / model.bundle))
        path = self.root / str(model.onnx)
        if not path.is_file():
            raise InputError(f"there is no file {model.onnx!r}; model {model.name!r} is an ONNX file")
        return Source(path)

    def measured(self, row: Row, source: Source) -> tuple[Measured, Result]:
        """Time the row and its baseline against each other.

        Raises:
            BackendError, MissingExtra, Unsupported: one of the two does not run here; says why.
            InputError: the bundle has no such variant.
        """
        own = self._subject(row.way, row.variant, source)
        baseline = self._subject(row.baseline, None if row.variant is None else FLOAT, source)
        settings = BenchSettings(row.effort, self.cache)
        result = bench_subjects((baseline, own), settings, self.progress)
        result = msgspec.structs.replace(result, bundle=source.identity)
        return judged(result, own.name, baseline.name), result

    def _subject(self, way: Way, variant: str | None, source: Source) -> Timeable:
        wanted = Wanted(self.cache, way.threads, way.precision)
        backends = backends_of(Target("local", (way.runtime,)))
        if not isinstance(source.model, Bundle):
            found = subjects_of((source.model,), backends, wanted)
        else:
            found = _of_variant(source.model, variant, backends, wanted)
        if not found:
            raise Unsupported(f"{way.runtime} does not run variant {variant!r} in {way.precision} here")
        artifact = found[0].artifact
        if artifact is not None and (unfit := unfit_because(artifact, environment().cpu)):
            raise Unsupported(unfit)
        return found[0]

    def _prepared(self, folder: Path, variants: tuple[str, ...]) -> Bundle:
        """The recipe's bundle with these variants; those that miss its gate are packed, too: speed is what is asked."""
        from edgetl.host.prepare import prepare  # torch takes seconds
        from edgetl.host.request import PrepareRequest  # torch takes seconds
        from edgetl.host.variants import variant_name  # torch takes seconds

        recipe, threads = read_recipe(folder / "recipe.toml"), environment().cpu.allowed_cpus
        renderings = tuple(name for name in RENDERINGS if variant_name(name) in variants)
        recipe = msgspec.structs.replace(
            recipe,
            quantize=msgspec.structs.replace(recipe.quantize, renderings=renderings),
            gates=Gates(accuracy_drop_max=1.0, margin=1.0),
        )
        out = self.cache / "suite-models" / f"{recipe.name}.edgetl"
        out.parent.mkdir(parents=True, exist_ok=True)
        prepare(PrepareRequest(recipe, folder, out, self.cache, threads), self.progress)
        return Bundle.open(out)


def _of_variant(
    bundle: Bundle, variant: str | None, backends: Mapping[str, Backend], wanted: Wanted
) -> tuple[Timeable, ...]:
    known = [one.name for one in bundle.manifest.variants]
    if variant not in known:
        raise InputError(f"the bundle has no variant {variant!r}; it has {', '.join(known)}")
    try:
        found = subjects_of((bundle,), backends, wanted)
    except InputError as error:
        # the bundle and its variant are there, so that what is wrong is the way to run it
        raise Unsupported(str(error)) from error
    own = (one for one in found if one.variant.endswith(f"/{variant}"))
    return tuple(one for one in own if one.options.precision == wanted.precision)


def unavailable(row: Row, here: Environment) -> str | None:
    """Why a machine cannot run a row or its baseline, as far as that is known without the model; else ``None``."""
    for way in (row.way, row.baseline):
        if way.threads > here.cpu.allowed_cpus:
            return f"{way.threads} threads are more than the {here.cpu.allowed_cpus} CPUs that this process may use"
        try:
            backend = backends_of(Target("local", (way.runtime,)))[way.runtime]
        except (Unsupported, MissingExtra) as error:
            return str(error)
        known = ("int8",) if way.precision == "int8" else backend.precisions("float", here.cpu.isa)
        if way.precision not in known:
            return f"{way.runtime} runs float graphs in {' and '.join(known)} on this CPU, not in {way.precision}"
    return None


def judged(result: Result, own: str, baseline: str) -> Measured:
    """What a run says of a candidate against its baseline, with whether either may be believed.

    Raises:
        BackendError: one of them did not run; quotes why.
    """
    both = result.candidate(own), result.candidate(baseline)
    for one in both:
        if one.rejected_because is not None:
            raise BackendError(f"{one.name} does not run: {one.rejected_because}")
    (pair,) = (one for one in result.comparisons or () if (one.first, one.second) == (baseline, own))
    return Measured(msgspec.structs.replace(pair.comparison, outcome=pair.verdict), *map(side, both))


def side(candidate: CandidateResult) -> Side:
    """Whether a candidate's numbers may be believed."""
    validity = candidate.validity or Validity("invalid")
    return Side(candidate.name, validity.verdict, tuple(finding.code for finding in validity.findings))
