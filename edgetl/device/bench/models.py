"""Plain ONNX files and bundles, timed side by side without judging what they compute."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edgetl import __version__
from edgetl.artifact import sha256_of
from edgetl.bundle import Bundle
from edgetl.device.bench.cold import measure_cold
from edgetl.device.bench.percent import Told, percent_stage
from edgetl.device.bench.plan import PLANS, Effort
from edgetl.device.bench.timing import Clock, Timed, interleave, latency, rotating
from edgetl.device.candidates import backends_of
from edgetl.device.feeds import feeds_from_golden, random_feeds
from edgetl.device.probe import environment
from edgetl.errors import BackendError, InputError
from edgetl.progress import Progress, Silent
from edgetl.result import SCHEMA, BundleIdentity, CandidateResult, Cold, Result
from edgetl.runner import Backend, LoadOptions, Runner
from edgetl.target import LOCAL, Target
from edgetl.tensors import Batch

AS_GIVEN = "as given"
"""Rendering of a plain file, which nobody has told."""


@dataclass(frozen=True)
class BenchSettings:
    """How to time; ``None`` is every runtime that is installed, and all CPUs this process may use."""

    effort: Effort
    cache_dir: Path
    runtime: str | None = None
    threads: int | None = None
    precision: str | None = None
    """Precision hint for float graphs; without one plain files run in fp32 and bundles in all that are worth trying."""
    seed: int = 0


@dataclass(frozen=True)
class _Subject:
    name: str
    model: Path
    variant: str
    rendering: str
    runtime: str
    options: LoadOptions
    feeds: tuple[Batch, ...] | None
    """``None`` for random data."""


@dataclass(frozen=True)
class _Loaded:
    subject: _Subject
    runner: Runner


def bench_models(
    models: Sequence[Path | Bundle],
    settings: BenchSettings,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter_ns,
) -> Result:
    """Time models against each other in one run: latency of one inference, and cold starts.

    Bundles get their golden samples, plain files random data of the declared shapes (see
    :func:`edgetl.device.feeds.random_feeds`). A runtime that refuses a model, or a start that fails, is reported in
    its place.

    Returns:
        ``selected`` is the fastest; nothing is judged.

    Raises:
        MissingExtra: no runtime is installed, or not the one asked for.
        InputError: no model, or one of them cannot be read.
        BackendError: no runtime loads, or none starts, any of the models.
    """
    if not models:
        raise InputError("nothing to time; give at least one ONNX file or bundle")
    target = LOCAL if settings.runtime is None else Target("local", runtimes=(settings.runtime,))
    backends, listener = backends_of(target), progress or Silent()
    subjects = tuple(one for model in models for one in _subjects(model, models, backends, settings))
    loaded, refused = _load(subjects, backends, settings)
    try:
        cold, failed = _cold(loaded, listener)
        started = tuple(one for one in loaded if one.subject.name in cold)
        if not started:
            raise BackendError("; ".join(dict.fromkeys((refused | failed).values())))
        with percent_stage(listener, f"time {len(started)} candidates against each other ({settings.effort})") as told:
            timed = _time(started, settings, clock, told)
    finally:
        for one in loaded:
            one.runner.close()
    return _result(models, subjects, settings, _Found(cold, timed, refused | failed))


@dataclass(frozen=True)
class _Found:
    cold: dict[str, Cold]
    timed: dict[str, Timed]
    refused: dict[str, str]


def _subjects(
    model: Path | Bundle, models: Sequence[Path | Bundle], backends: dict[str, Backend], settings: BenchSettings
) -> tuple[_Subject, ...]:
    if isinstance(model, Bundle):
        return _bundle_subjects(model, backends, settings)
    if not model.is_file():
        raise InputError(f"there is no file {str(model)!r}; give an ONNX file or a bundle")
    twins = [other for other in models if isinstance(other, Path) and other.name == model.name]
    title = model.name if len(twins) == 1 else str(model)
    precision, threads = settings.precision or "fp32", settings.threads or environment().cpu.allowed_cpus
    options = LoadOptions(threads=threads, precision=precision, batch=1)
    return tuple(
        _Subject(f"{title}/{runtime}/{precision}/{threads}t", model, title, AS_GIVEN, runtime, options, None)
        for runtime in backends
    )


def _bundle_subjects(bundle: Bundle, backends: dict[str, Backend], settings: BenchSettings) -> tuple[_Subject, ...]:
    cpu = environment().cpu
    feeds, threads = feeds_from_golden(bundle.golden()), settings.threads or cpu.allowed_cpus
    subjects = []
    for variant in bundle.manifest.variants:
        path, rendering = bundle.model(variant.name, settings.cache_dir / "models"), variant.artifact.rendering
        title = f"{bundle.path.name}/{variant.name}"
        for runtime, backend in backends.items():
            for precision in backend.precisions(rendering, cpu.isa):
                if rendering == "float" and settings.precision not in (None, precision):
                    continue
                options = LoadOptions(threads=threads, precision=precision, batch=1)
                name = f"{title}/{runtime}/{precision}/{threads}t"
                subjects.append(_Subject(name, path, title, rendering, runtime, options, feeds))
    return tuple(subjects)


def _load(
    subjects: tuple[_Subject, ...], backends: dict[str, Backend], settings: BenchSettings
) -> tuple[tuple[_Loaded, ...], dict[str, str]]:
    loaded: list[_Loaded] = []
    refused: dict[str, str] = {}
    for one in subjects:
        backend = backends[one.runtime]
        try:
            built = backend.build(one.model, one.options, settings.cache_dir / "built")
            loaded.append(_Loaded(one, backend.load(built, one.options)))
        except BackendError as error:
            refused[one.name] = str(error)
    return tuple(loaded), refused


def _cold(loaded: tuple[_Loaded, ...], progress: Progress) -> tuple[dict[str, Cold], dict[str, str]]:
    cold: dict[str, Cold] = {}
    failed: dict[str, str] = {}
    with progress.stage("start each candidate in a fresh process", len(loaded)) as step:
        for one in loaded:
            subject = one.subject
            try:
                cold[subject.name] = measure_cold(subject.runtime, subject.model, subject.options)
            except BackendError as error:
                failed[subject.name] = str(error)
            step.advance()
    return cold, failed


def _time(loaded: tuple[_Loaded, ...], settings: BenchSettings, clock: Clock, told: Told) -> dict[str, Timed]:
    subjects = {
        one.subject.name: rotating(
            one.runner.infer, one.subject.feeds or random_feeds(one.runner.inputs, settings.seed)
        )
        for one in loaded
    }
    return interleave(subjects, PLANS[settings.effort], clock, told)


def _result(
    models: Sequence[Path | Bundle], subjects: tuple[_Subject, ...], settings: BenchSettings, found: _Found
) -> Result:
    medians = {name: float(np.median(timed.samples_ns)) for name, timed in found.timed.items()}
    return Result(
        schema=SCHEMA,
        edgetl_version=__version__,
        bundle=_identity(models),
        target=LOCAL.name,
        effort=settings.effort,
        environment=environment(),
        candidates=tuple(_record(one, found) for one in subjects),
        selected=min(medians, key=lambda name: medians[name]),
        passed=True,
    )


def _record(one: _Subject, found: _Found) -> CandidateResult:
    timed = found.timed.get(one.name)
    return CandidateResult(
        name=one.name,
        variant=one.variant,
        rendering=one.rendering,
        precision=one.options.precision,
        runtime=one.runtime,
        threads=one.options.threads,
        checks=(),
        accuracy=None,
        latency=None if timed is None else latency(timed, "infer"),
        end_to_end=None,
        cold=found.cold.get(one.name),
        size_bytes=one.model.stat().st_size,
        rejected_because=found.refused.get(one.name),
    )


def _identity(models: Sequence[Path | Bundle]) -> BundleIdentity:
    identities = [
        model.identity if isinstance(model, Bundle) else BundleIdentity(model.name, None, sha256_of(model))
        for model in models
    ]
    if len(identities) == 1:
        return identities[0]
    together = hashlib.sha256(msgspec.json.encode(identities)).hexdigest()
    return BundleIdentity(", ".join(identity.name for identity in identities), None, together)
