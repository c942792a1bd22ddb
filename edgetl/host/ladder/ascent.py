"""What all rungs of one climb share: the float graph, the rendering, how is judged and timed, and what is left."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from edgetl.artifact import sha256_of
from edgetl.device.probe import environment
from edgetl.environment import Cpu
from edgetl.host.adapt.arrays import identity_of
from edgetl.host.data.dataset import described
from edgetl.host.fingerprint import machinery
from edgetl.host.inference import Engine
from edgetl.host.judge import Jury
from edgetl.host.ladder.rungs import is_on_integers
from edgetl.host.ladder.speed import time_ratio
from edgetl.host.quantize.treatments import allowed, due
from edgetl.host.refit import Refit
from edgetl.host.treated import Basis, treated
from edgetl.host.variants import Calibrated, Made
from edgetl.host.workspace import Workspace
from edgetl.recipe import Quantize


@dataclass(frozen=True)
class Means:
    """The machine, as far as a climb depends on it."""

    clock: Callable[[], float] = time.monotonic
    """Seconds."""
    time_ratio: Callable[[Engine, Engine, Workspace], float] = time_ratio
    """Latency of the first by that of the second."""
    cpu: Callable[[], Cpu] = lambda: environment().cpu
    """Whose latency that is."""


@dataclass(frozen=True)
class Ascent:
    """One climb."""

    made: Made
    """The float variant; the chosen graph is written beside it."""
    rendering: str
    calibrated: Calibrated
    refit: Refit | None
    """``None`` where the head cannot be fitted again."""
    quantize: Quantize
    jury: Jury
    """With its thresholds."""
    means: Means = field(default_factory=Means)
    _bases: dict[tuple[str, ...], Basis] = field(default_factory=dict, repr=False, compare=False)

    def basis(self, treatments: tuple[str, ...]) -> Basis:
        """The float graph after these treatments of graphs, with its calibration; found once in a climb."""
        if treatments not in self._bases:
            plain = Basis(self.made, self.calibrated, self.workspace)
            self._bases[treatments] = treated(plain, treatments) if treatments else plain
        return self._bases[treatments]

    @property
    def workspace(self) -> Workspace:
        """Data and cache."""
        return self.jury.workspace

    @cached_property
    def treatments(self) -> tuple[str, ...]:
        """Those that the recipe allows."""
        return allowed(self.quantize.treatments)

    @cached_property
    def due(self) -> tuple[str, ...]:
        """Treatments of the float graph that every rung has, of those that the recipe allows; none in 16 bits."""
        return due(self.made.model, self.treatments) if is_on_integers(self.rendering) else ()

    @property
    def course(self) -> tuple[object, ...]:
        """What is tried, and how long it may take (JSON-able): the time that is left for training depends on it."""
        return (self.quantize.budget_s, self.quantize.search, self.treatments)

    @cached_property
    def identity(self) -> list[object]:
        """Everything that what comes of a rung depends on, besides the rung (JSON-able)."""
        jury, workspace, refit = self.jury, self.workspace, self.refit
        method: list[object] = [] if refit is None else [refit.method.name, _plain(refit.context.options)]
        return [
            [self.rendering, sha256_of(self.made.model), self.made.runtime, self.calibrated.record.sha256],
            [*method, identity_of(self.made.fitted)],
            [jury.task.name, _plain(jury.gates), jury.thresholds, workspace.seed, workspace.threads],
            [workspace.reader.identity, machinery()],
            [described(workspace.splits.train), described(workspace.splits.validation)],
            None if self.made.out_of_fold is None else hashlib.sha256(self.made.out_of_fold.tobytes()).hexdigest(),
        ]


class Purse:
    """Seconds that are left.

    What an earlier run found in so many seconds costs as many again, so that a run that was stopped ends where an
    undisturbed one does.
    """

    def __init__(self, seconds: float) -> None:
        self.left_s = seconds

    def pay(self, seconds: float) -> None:
        """So many seconds went by, now or in an earlier run."""
        self.left_s -= seconds

    @property
    def is_empty(self) -> bool:
        """Whether nothing more may be begun."""
        return self.left_s <= 0


def _plain(value: object) -> object:
    return msgspec.to_builtins(value)
