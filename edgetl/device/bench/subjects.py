"""What is timed: each model on each runtime, loaded once per stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.artifact import Artifact
from edgetl.bundle import Bundle
from edgetl.device.bench.executed import AS_GIVEN
from edgetl.device.bench.timing import Subject, rotating
from edgetl.device.feeds import feeds_from_golden, random_feeds
from edgetl.device.probe import environment
from edgetl.errors import BackendError, InputError
from edgetl.runner import Backend, LoadOptions, Runner
from edgetl.tensors import Batch


@dataclass(frozen=True)
class Wanted:
    """Which ways to run a model; ``None`` is all CPUs this process may use, and every precision worth trying."""

    cache_dir: Path
    threads: int | None = None
    precision: str | None = None


@dataclass(frozen=True)
class Timeable:
    """One model on one runtime."""

    name: str
    model: Path
    variant: str
    rendering: str
    runtime: str
    options: LoadOptions
    feeds: tuple[Batch, ...] | None
    """``None`` for random data."""
    artifact: Artifact | None = None
    """What a bundle tells of its graph."""


@dataclass(frozen=True)
class Loaded:
    """One that its runtime accepted, once per stream."""

    subject: Timeable
    built: Path
    runners: tuple[Runner, ...]

    def feeds(self, seed: int) -> tuple[Batch, ...]:
        """Golden samples, or random data of the declared shapes."""
        return self.subject.feeds or random_feeds(self.runners[0].inputs, seed)

    def calls(self, seed: int) -> tuple[Subject, ...]:
        """One per stream; each takes the inputs in turn and begins at another."""
        feeds = self.feeds(seed)
        turned = (feeds[i % len(feeds) :] + feeds[: i % len(feeds)] for i in range(len(self.runners)))
        return tuple(rotating(runner.infer, inputs) for runner, inputs in zip(self.runners, turned, strict=True))

    def close(self) -> None:
        """Give back what the runtime holds."""
        for runner in self.runners:
            runner.close()


def subjects_of(
    models: Sequence[Path | Bundle], backends: Mapping[str, Backend], wanted: Wanted
) -> tuple[Timeable, ...]:
    """Every way to run every model.

    Raises:
        InputError: a file is not there.
    """
    return tuple(one for model in models for one in _subjects(model, models, backends, wanted))


def load(
    subjects: Sequence[Timeable], backends: Mapping[str, Backend], wanted: Wanted, streams: int
) -> tuple[tuple[Loaded, ...], dict[str, str]]:
    """Load each ``streams`` times; those that a runtime refuses come back by name, with its reason."""
    loaded: list[Loaded] = []
    refused: dict[str, str] = {}
    for one in subjects:
        backend, runners = backends[one.runtime], list[Runner]()
        try:
            built = backend.build(one.model, one.options, wanted.cache_dir / "built")
            for _ in range(streams):
                runners.append(backend.load(built, one.options))
            loaded.append(Loaded(one, built, tuple(runners)))
        except BackendError as error:
            refused[one.name] = str(error)
            for runner in runners:
                runner.close()
    return tuple(loaded), refused


def _subjects(
    model: Path | Bundle, models: Sequence[Path | Bundle], backends: Mapping[str, Backend], wanted: Wanted
) -> tuple[Timeable, ...]:
    if isinstance(model, Bundle):
        return _bundle_subjects(model, backends, wanted)
    if not model.is_file():
        raise InputError(f"there is no file {str(model)!r}; give an ONNX file or a bundle")
    twins = [other for other in models if isinstance(other, Path) and other.name == model.name]
    title = model.name if len(twins) == 1 else str(model)
    precision, threads = wanted.precision or "fp32", wanted.threads or environment().cpu.allowed_cpus
    options = LoadOptions(threads=threads, precision=precision, batch=1)
    return tuple(
        Timeable(f"{title}/{runtime}/{precision}/{threads}t", model, title, AS_GIVEN, runtime, options, None)
        for runtime in backends
    )


def _bundle_subjects(bundle: Bundle, backends: Mapping[str, Backend], wanted: Wanted) -> tuple[Timeable, ...]:
    cpu = environment().cpu
    feeds, threads = feeds_from_golden(bundle.golden()), wanted.threads or cpu.allowed_cpus
    subjects = []
    for variant in bundle.manifest.variants:
        path, rendering = bundle.model(variant.name, wanted.cache_dir / "models"), variant.artifact.rendering
        title = f"{bundle.path.name}/{variant.name}"
        for runtime, backend in backends.items():
            for precision in backend.precisions(rendering, cpu.isa):
                if rendering == "float" and wanted.precision not in (None, precision):
                    continue
                options = LoadOptions(threads=threads, precision=precision, batch=1)
                name = f"{title}/{runtime}/{precision}/{threads}t"
                subjects.append(Timeable(name, path, title, rendering, runtime, options, feeds, variant.artifact))
    return tuple(subjects)
