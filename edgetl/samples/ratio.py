"""The ratio of two medians, with the uncertainty that blocks show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from edgetl.samples.resampling import Blocked, BlockedMedians, draw
from edgetl.samples.student import two_sided_quantile

MIN_BLOCKS = 5
"""Fewer prove nothing."""


@dataclass(frozen=True)
class Ratio:
    """Median latency of one over another's, with its two-sided 95 % interval; below 1 the first is faster."""

    value: float
    low: float
    high: float


def paired_ratio(first: Blocked, second: Blocked, seed: int) -> Ratio:
    """The ratio of medians of two subjects of one interleaved run; its interval holds with few blocks, too.

    Blocks, not samples, are drawn, those that ran side by side together; blocks without a partner do not count. The
    percentile interval of n blocks is too narrow by ``sqrt((n - 1) / n)`` and by the difference of Student's t from the
    normal distribution: of ten blocks it covers 91 %. Further percentiles of the same resamples make up for both.

    Args:
        seed: of the resampling.

    Returns:
        The ratio; its interval is ``(0, inf)`` with fewer than five pairs of blocks.

    References:
        Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, ISMM 2013 (levels of repetition);
        Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69, 2015, section 5.3
        (expanded percentile interval).
    """
    pairs = min(len(first.blocks), len(second.blocks))
    ours, theirs = (BlockedMedians(one, one.blocks[:pairs]) for one in (first, second))
    value = float((ours.medians(ours.once) / theirs.medians(theirs.once))[0])
    if pairs < MIN_BLOCKS:
        return Ratio(value, 0.0, math.inf)
    drawn = draw(np.random.default_rng(seed), pairs)
    tail = 100 * NormalDist().cdf(-two_sided_quantile(0.05, pairs - 1) * math.sqrt(pairs / (pairs - 1)))
    low, high = np.percentile(ours.medians(drawn) / theirs.medians(drawn), (tail, 100 - tail))
    return Ratio(value, float(low), float(high))
