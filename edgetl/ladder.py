"""What was tried to quantize a model for one kind of target, and what came of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgetl.check import Check
from edgetl.interval import Interval

Head = Literal["fitted again", "as it was"]
OUT_OF_TIME = "budget_s of [quantize] was spent"
"""Why a search ended that had more to try."""


class Treatment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that was done to a graph to lose less by quantization."""

    name: str
    """Of the table of treatments."""
    gained: float | None = None
    """By what fraction (0.01 is a point) the graph loses less against float than the same one without this treatment;
    negative where it loses more."""
    unknown_because: str = ""
    """Why ``gained`` is ``None``."""


class Trained(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What training against the float graph did to a graph.

    Losses are noise over signal of the features plus the divergence of the classes, of samples not trained on.
    """

    steps: int
    """Updates that were made, of which the best state may be an earlier one."""
    loss_before: float
    loss_after: float
    """Of the graph as it went on; where nothing was gained that is the graph as it was, with its loss."""
    images: int
    """Samples that it was trained on."""
    held_out: int
    """Samples that the losses are of."""
    gained: float | None = None
    """By what fraction (0.01 is a point) the graph loses less against float than the same one before training; negative
    where it loses more."""
    unknown_because: str = ""
    """Why ``gained`` is ``None``."""

    @property
    def changed_it(self) -> bool:
        """Whether the graph is another one than before."""
        return self.loss_after < self.loss_before


class Attempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One graph that was made and judged."""

    name: str
    head: Head
    """Whether the float head was fitted again on the features of this graph."""
    estimator: str
    """How ranges of activations followed from what calibration saw."""
    passed: bool
    """Whether it met every gate on the selection data."""
    check: Check | None = None
    """Against the float graph: its drop of accuracy or, without labels, its changed decisions; ``None`` where it was
    not judged, with the reason."""
    reason: str = ""
    """Why it did not pass."""
    flips: Interval | None = None
    """Fraction of the selection data that is decided otherwise than by the float graph; ``None`` where nothing is
    decided, it was not judged, or an older version wrote it."""
    in_float: tuple[str, ...] = ()
    """Nodes that stayed in float besides the head."""
    treatments: tuple[Treatment, ...] = ()
    """In the order in which they were applied. Of a trained graph each gained what it gained before training."""
    trained: Trained | None = None
    """``None`` where it was not trained."""
    int8_share: float = 0.0
    """Fraction of the multiply-adds that is in int8."""
    time_ratio: float | None = None
    """Its median latency by that of the float graph, in one interleaved run on the machine that prepared."""
    untimed_because: str = ""
    """Why ``time_ratio`` is ``None``."""


class Ladder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every attempt for one rendering, in the order they were made."""

    rendering: str
    search: Literal["first", "all"]
    budget_s: float
    attempts: tuple[Attempt, ...]
    chosen: str
    """Name of the attempt that went on: the fastest that passed or, where none did, the most accurate one."""
    passed: bool
    """Whether the chosen one passed; without that it is in no bundle."""
    front: tuple[str, ...]
    """Attempts, and ``float``, that no other one beats in both accuracy and speed."""
    ended: str
    """Why nothing more was tried."""
    speed: Literal["time", "int8 share"]
    """What stands for speed: latency that was measured, or the fraction of operations in int8 where this machine is
    not the rendering's target."""
    switched_off: tuple[str, ...] = ()
    """Treatments that the recipe does not allow."""
