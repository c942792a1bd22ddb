"""What is timed: each model on each runtime, loaded once per stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from edgetl.artifact import Artifact
from edgetl.bundle import Bundle
from edgetl.device.bench.executed import AS_GIVEN
from edgetl.device.bench.naming import distinct_names, path_of
from edgetl.device.bench.timing import Subject, rotating
from edgetl.device.end_to_end import EndToEnd
from edgetl.device.fitness import unfit_because
from edgetl.device.onnx_file import parts_of, size_of
from edgetl.device.probe import environment
from edgetl.device.tasks import task_of
from edgetl.errors import BackendError, InputError, Unsupported
from edgetl.golden import Golden
from edgetl.measurement import Scope
from edgetl.progress import Progress
from edgetl.runner import Backend, LoadOptions, Runner
from edgetl.tensors import Batch, TensorSpec

T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """Which ways to run a model; ``None`` is all CPUs this process may use, and every precision worth trying."""

    cache_dir: Path
    threads: int | None = None
    precision: str | None = None
    scope: Scope = "infer"
    batch: int | None = None
    """Items in one inference; ``None`` is 1 where that may be chosen, and whatever the model takes where not."""

    def options(self, precision: str) -> LoadOptions:
        """How a candidate is loaded that computes in ``precision``."""
        threads = self.threads or environment().cpu.allowed_cpus
        return LoadOptions(threads=threads, precision=precision, batch=self.batch or 1)


@dataclass(frozen=True)
class Timeable:
    """One model on one runtime."""

    name: str
    model: Path
    variant: str
    rendering: str
    runtime: str
    options: LoadOptions
    golden: Golden | None
    """Samples to feed; ``None`` for random data."""
    artifact: Artifact | None = None
    """What a bundle tells of its graph."""
    end_to_end: EndToEnd | None = None
    """The way from image to prediction, where all of it is timed."""
    bundle: Path | None = None
    """What the model is a variant of."""
    parts: tuple[Path, ...] = ()
    """All files of a plain model, some of which may hold its weights; that of a variant is one."""

    @property
    def size_bytes(self) -> int:
        """Of all its files."""
        return size_of(self.parts or (self.model,))

    place: int = 0
    """Of what was given, among all models; a file may be given twice."""

    @property
    def source(self) -> tuple[Path, int]:
        """What was given to be timed, and where: the same for all ways to run one model, and for no other."""
        return self.bundle or self.model, self.place

    @property
    def scope(self) -> Scope:
        """What is timed."""
        return "infer" if self.end_to_end is None else "end-to-end"

    @property
    def batch(self) -> int:
        """Items in one inference."""
        return self.options.batch or 1


@dataclass(frozen=True)
class Inputs:
    """What a candidate is fed, in turn."""

    feeds: tuple[Batch, ...]
    images: tuple[tuple[bytes, ...], ...] = ()
    """Where all from an image on is timed."""


@dataclass(frozen=True)
class Loaded:
    """One that its runtime accepted, once per stream."""

    subject: Timeable
    built: Path
    runners: tuple[Runner, ...]

    def calls(self, inputs: Inputs) -> tuple[Subject, ...]:
        """One per stream; each takes the inputs in turn and begins at another."""
        runners, whole = tuple(enumerate(self.runners)), self.subject.end_to_end
        if whole is not None:
            return tuple(rotating(whole.predictor(runner), _from(inputs.images, place)) for place, runner in runners)
        return tuple(rotating(runner.infer, _from(inputs.feeds, place)) for place, runner in runners)

    def close(self) -> None:
        """Give back what the runtime holds."""
        for runner in self.runners:
            runner.close()


def subjects_of(
    models: Sequence[Path | Bundle], backends: Mapping[str, Backend], wanted: Wanted
) -> tuple[Timeable, ...]:
    """Every way to run every model.

    Raises:
        InputError: a model is not there, is damaged or none, has no variant for here, or says nothing
            of the way from image to prediction that is wanted.
    """
    names = distinct_names([path_of(model) for model in models])
    return tuple(
        replace(one, place=place)
        for place, (model, name) in enumerate(zip(models, names, strict=True))
        for one in _subjects(model, name, backends, wanted)
    )


def exact_here(subjects: Sequence[Timeable], progress: Progress) -> tuple[Timeable, ...]:
    """Those that this CPU computes exactly; of the other ones it is said why they are not timed.

    Raises:
        Unsupported: it computes none of them exactly.
    """
    cpu = environment().cpu
    reasons = {one.variant: one.artifact and unfit_because(one.artifact, cpu) for one in subjects}
    for variant, because in reasons.items():
        if because:
            progress.warn(f"{variant} is not timed: {because}")
    found = tuple(one for one in subjects if not reasons[one.variant])
    if not found:
        raise Unsupported("; ".join(f"{variant} is not timed: {because}" for variant, because in reasons.items()))
    return found


def load(
    subjects: Sequence[Timeable], backends: Mapping[str, Backend], wanted: Wanted, streams: int
) -> tuple[tuple[Loaded, ...], dict[str, str]]:
    """Load each ``streams`` times; those that a runtime refuses come back by name, with its reason.

    Raises:
        InputError: a model has a fixed batch that is not the one asked for.
    """
    loaded: list[Loaded] = []
    refused: dict[str, str] = {}
    with ExitStack() as opened:
        for one in subjects:
            try:
                loaded.append(_load(one, backends[one.runtime], wanted, streams))
            except BackendError as error:
                refused[one.name] = str(error)
            else:
                opened.callback(loaded[-1].close)
                if wanted.batch is not None:
                    _check_batch(loaded[-1], wanted.batch)
        opened.pop_all()
    return tuple(loaded), refused


def _load(one: Timeable, backend: Backend, wanted: Wanted, streams: int) -> Loaded:
    built = backend.build(one.model, one.options, wanted.cache_dir / "built")
    runners: list[Runner] = []
    with ExitStack() as opened:
        for _ in range(streams):
            runners.append(backend.load(built, one.options))
            opened.callback(runners[-1].close)
        opened.pop_all()
    return Loaded(one, built, tuple(runners))


def _check_batch(one: Loaded, batch: int) -> None:
    """Other inputs may have a first size of their own, anchors say; one that can have the batch is enough."""
    specs: tuple[TensorSpec, ...] = one.runners[0].inputs
    fixed = {spec.shape[0] for spec in specs if spec.shape}
    if fixed & {None, batch}:
        return
    sizes = ", ".join(str(spec) for spec in specs) or "none"
    advice = f"give --batch {next(iter(fixed))}" if len(fixed) == 1 else "leave --batch out"
    raise InputError(
        f"{one.subject.variant!r} cannot be timed with --batch {batch}: the first size of its inputs is fixed "
        f"({sizes}); {advice}, or export it with a free first size"
    )


def _from(inputs: tuple[T, ...], place: int) -> tuple[T, ...]:
    place %= len(inputs)
    return inputs[place:] + inputs[:place]


def _subjects(
    model: Path | Bundle, title: str, backends: Mapping[str, Backend], wanted: Wanted
) -> tuple[Timeable, ...]:
    if isinstance(model, Bundle):
        found = _bundle_subjects(model, title, backends, wanted)
        if not found:
            raise InputError(
                f"bundle {title!r} has no variant that {', '.join(backends)} could run here in the precision asked for "
                f"(it has: {', '.join(one.name for one in model.manifest.variants)}); leave --precision and --runtime "
                "out, or bundle another rendering"
            )
        return found
    parts = parts_of(model)
    if wanted.scope == "end-to-end":
        raise InputError(
            f"{model.name!r} is a plain ONNX file, which does not say how an image becomes its input nor what its "
            "outputs mean; leave --scope out, or make a bundle of it with: edgetl prepare --onnx"
        )
    options = wanted.options(wanted.precision or "fp32")
    way = f"{options.precision}/{options.threads}t"
    return tuple(
        Timeable(f"{title}/{runtime}/{way}", model, title, AS_GIVEN, runtime, options, None, parts=parts)
        for runtime in backends
    )


def _bundle_subjects(
    bundle: Bundle, name: str, backends: Mapping[str, Backend], wanted: Wanted
) -> tuple[Timeable, ...]:
    golden, isa = bundle.golden(), environment().cpu.isa
    whole = _end_to_end(bundle, golden) if wanted.scope == "end-to-end" else None
    subjects = []
    for variant in bundle.manifest.variants:
        path, artifact = bundle.model(variant.name, wanted.cache_dir / "models"), variant.artifact
        title = f"{name}/{variant.name}"
        for runtime, backend in backends.items():
            for precision in backend.precisions(artifact.rendering, isa):
                if artifact.rendering == "float" and wanted.precision not in (None, precision):
                    continue
                options = wanted.options(precision)
                way = f"{runtime}/{precision}/{options.threads}t"
                subjects.append(
                    Timeable(
                        f"{title}/{way}",
                        path,
                        title,
                        artifact.rendering,
                        runtime,
                        options,
                        golden,
                        artifact,
                        whole,
                        bundle.path,
                    )
                )
    return tuple(subjects)


def _end_to_end(bundle: Bundle, golden: Golden) -> EndToEnd:
    manifest = bundle.manifest
    if manifest.preprocess is None:
        raise InputError(f"bundle {bundle.path.name!r} takes tensors, not images; leave --scope out")
    if not golden.encoded:
        raise InputError(
            f"bundle {bundle.path.name!r} has no image files to start from; leave --scope out, or prepare it with "
            "include_images = true in [golden] of its recipe"
        )
    return EndToEnd(manifest.preprocess, task_of(manifest), manifest.classes, golden.encoded)
