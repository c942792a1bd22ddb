"""One qualification under way: what is judged, for which target, how thoroughly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetl.bundle import Bundle
from edgetl.device.bench.plan import Effort
from edgetl.device.bench.timing import Clock
from edgetl.device.bench.watch import Watching, watching
from edgetl.device.candidates import Formed, backends_of
from edgetl.device.evaluate import Exam
from edgetl.device.tasks import task_of
from edgetl.errors import InputError
from edgetl.gates import TargetGates
from edgetl.progress import Progress
from edgetl.runner import Backend
from edgetl.target import Target


@dataclass(frozen=True)
class Settings:
    """How thoroughly to measure, and where extracted models, compiled blobs and results are kept."""

    effort: Effort
    cache_dir: Path
    seed: int = 0
    watch: Watching | None = watching
    """Looks at the machine while candidates are timed; without one, nothing says whether the times may be believed."""
    strict: frozenset[str] = frozenset()
    """Codes of :data:`edgetl.validity.CODES` that make a measurement invalid."""

    def __post_init__(self) -> None:
        if "W-PRECISION" in self.strict:
            raise InputError(
                "qualifying does not look at layers, so W-PRECISION is never found there; "
                "leave it out, and look with: edgetl bench BUNDLE --strict W-PRECISION"
            )


@dataclass(frozen=True)
class Session:
    """Everything that stays the same for all candidates."""

    bundle: Bundle
    target: Target
    settings: Settings
    exam: Exam
    backends: Mapping[str, Backend]
    progress: Progress
    clock: Clock

    @property
    def gates(self) -> TargetGates:
        """Limits for the target; a target that the bundle does not name is not judged."""
        return self.bundle.manifest.gates.target.get(self.target.name, TargetGates())

    @property
    def unjudged(self) -> tuple[str, ...]:
        """One sentence for each target that has gates of its own and is not the one judged."""
        others = sorted(set(self.bundle.manifest.gates.target) - {self.target.name})
        return tuple(
            f"gates for target {name!r}: not judged here, this run is for target {self.target.name!r}"
            for name in others
        )

    def model(self, formed: Formed) -> Path:
        """The candidate's graph as a file."""
        return self.bundle.model(formed.variant.name, self.settings.cache_dir / "models")


def begin(bundle: Bundle, target: Target, settings: Settings, progress: Progress, clock: Clock) -> Session:
    """Read the golden samples and find the task and the runtimes.

    Raises:
        MissingExtra: no runtime of the target is installed.
        BundleError: the golden samples are not what the manifest says.
    """
    manifest = bundle.manifest
    exam = Exam(manifest, bundle.golden(), task_of(manifest), settings.seed)
    return Session(bundle, target, settings, exam, backends_of(target), progress, clock)
