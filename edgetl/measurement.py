"""What is timed, and how many samples a percentile needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Scope = Literal["infer", "end-to-end"]
"""What the clock runs over. ``infer``: from inputs in main memory to outputs in main memory, with all that a runtime
does in between; on CPUs nothing is copied to a device, so copies have no number of their own. ``end-to-end``: from an
encoded image in memory to its prediction."""

SUPPORT = {50.0: 11, 90.0: 64, 95.0: 130, 99.0: 662, 99.9: 6636}
"""Samples needed before a percentile has a 99 % upper confidence bound inside the sample with one sample to spare:
the smallest n with P[Binomial(n, 1 - p) <= 1] <= 0.01 (MLPerf LoadGen's early stopping, d = 0, t = 1)."""


def percentile(samples: Sequence[int], percent: float) -> int:
    """Nearest-rank percentile: the smallest sample with at least ``percent`` % of all samples at or below it."""
    ordered = sorted(samples)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]
