"""How long to measure, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from edgetl.measurement import SUPPORT

Effort = Literal["quick", "standard", "rigorous", "sustained"]
HEADLINE: Mapping[Effort, float] = {"quick": 90.0, "standard": 99.0, "rigorous": 99.9, "sustained": 99.9}
"""The percentile that an effort promises to support, the least effort first."""
EXTENSION = 10
"""How many times as long a run may become so that limits on latency can be judged."""


@dataclass(frozen=True)
class Plan:
    """When warm-up ends and when there are enough samples; times are per subject.

    Warm-up lasts at least ``warmup_min`` calls and ``warmup_s``, then until latency is steady over three windows of
    ``window_s``, at most ``warmup_cap_s``. Measuring goes on until there are ``min_samples`` samples in ``min_blocks``
    blocks that took ``min_s`` together, or until they took ``cap_s``. The blocks of the slowest subject take about
    ``block_s``, unless there would be fewer than ``min_blocks``.
    """

    warmup_min: int
    warmup_s: float
    warmup_cap_s: float
    window_s: float
    block_s: float
    min_blocks: int
    min_samples: int
    min_s: float
    cap_s: float

    def supporting(self, percents: tuple[float, ...]) -> Plan:
        """A plan that goes on until these percentiles are supported, for up to :data:`EXTENSION` times as long."""
        needed = max((SUPPORT[percent] for percent in percents), default=0)
        if needed <= self.min_samples:
            return self
        return replace(self, min_samples=needed, cap_s=EXTENSION * self.cap_s)


def _samples(effort: Effort) -> int:
    return SUPPORT[HEADLINE[effort]]


PLANS: Mapping[Effort, Plan] = {
    "quick": Plan(10, 0.6, 1.5, 0.2, block_s=0.05, min_blocks=20, min_samples=_samples("quick"), min_s=1.0, cap_s=8.0),
    "standard": Plan(
        20, 1.5, 6.0, 0.5, block_s=0.2, min_blocks=20, min_samples=_samples("standard"), min_s=5.0, cap_s=60.0
    ),
    "rigorous": Plan(
        50, 3.0, 15.0, 1.0, block_s=0.5, min_blocks=40, min_samples=_samples("rigorous"), min_s=20.0, cap_s=300.0
    ),
    "sustained": Plan(
        50, 3.0, 15.0, 1.0, block_s=1.0, min_blocks=60, min_samples=_samples("sustained"), min_s=1800.0, cap_s=1800.0
    ),
}
"""The least effort first, with samples enough for the headline of each; ``sustained`` lasts 30 minutes for each
subject, until a device is as hot as it gets.

Each has 20 blocks or more: with ten, a slowdown by 5 % is found in no more than about 80 % of all comparisons.
"""
MIN_BLOCKS = min(plan.min_blocks for plan in PLANS.values())
"""Of any effort."""
