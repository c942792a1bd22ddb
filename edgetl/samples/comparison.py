"""Faster, slower, equivalent, or nothing that can be said."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgetl.samples.ranks import mann_whitney
from edgetl.samples.ratio import MIN_BLOCKS, Blocked, Ratio, expanded_ratio
from edgetl.samples.series import block_medians

Outcome = Literal["faster", "slower", "equivalent", "inconclusive"]
MARGIN = 0.02
"""A smaller difference matters to nobody."""


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the first is against the second."""

    ratio: float
    """Of the medians; below 1 the first is faster."""
    low: float | None
    high: float | None
    """Ends of its two-sided 95 % interval; ``None`` with fewer than five blocks a side."""
    p: float | None
    """Two-sided, Mann-Whitney on block medians; ``None`` with fewer than five blocks a side."""
    blocks: tuple[int, int]
    margin: float
    """What is too small to matter, as a fraction."""
    paired: bool
    outcome: Outcome


def compare(first: Blocked, second: Blocked, *, paired: bool, margin: float = MARGIN, seed: int = 0) -> Comparison:
    """Judge the first against the second, by the interval of the ratio of their medians.

    ``faster`` and ``slower`` need the whole interval beyond the margin, ``equivalent`` the whole interval within it;
    all else is ``inconclusive``. So a difference that is no larger than the margin is called faster or slower at most
    as often as the interval misses it on that side (2.5 %), whatever it is, and two equal subjects hardly ever; a
    difference larger than the margin is never called equivalent more often. The price is that a difference is found
    in 95 % of all cases only when it exceeds the margin by about 1.8 times the interval's half width.

    Args:
        first, second: samples in blocks.
        paired: whether their blocks ran interleaved; of pairs the p-value is cautious, as it takes them for unpaired.
        margin: as a fraction, 0.02 is 2 %.
        seed: of the resampling.

    References:
        Kalibera and Jones, Quantifying Performance Changes with Effect Size Confidence Intervals, 2012;
        Schuirmann, A Comparison of the Two One-Sided Tests Procedure, 1987 (equivalence);
        Criterion.rs, noise threshold (the whole interval must lie beyond it).
    """
    ratio = expanded_ratio(first, second, seed, paired)
    blocks = len(first.blocks), len(second.blocks)
    if min(blocks) < MIN_BLOCKS:
        return Comparison(ratio.value, None, None, None, blocks, margin, paired, "inconclusive")
    medians = [tuple(block_medians(one.samples_ns, one.blocks)) for one in (first, second)]
    p = mann_whitney(*medians)
    return Comparison(ratio.value, ratio.low, ratio.high, p, blocks, margin, paired, _outcome(ratio, margin))


def _outcome(ratio: Ratio, margin: float) -> Outcome:
    if ratio.high < 1 - margin:
        return "faster"
    if ratio.low > 1 + margin:
        return "slower"
    if 1 - margin <= ratio.low and ratio.high <= 1 + margin:
        return "equivalent"
    return "inconclusive"
