"""Faster, slower, equivalent, or nothing that can be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from edgetl.samples.ranks import holm, mann_whitney, signed_rank
from edgetl.samples.ratio import MIN_BLOCKS, Ratio, paired_ratio
from edgetl.samples.resampling import Blocked
from edgetl.samples.separate import Separate, separate_ratio, stretches
from edgetl.samples.series import block_medians

Outcome = Literal["faster", "slower", "equivalent", "inconclusive"]
MARGIN = 0.02
"""A smaller difference matters to nobody."""
SIGNIFICANT = 0.05
"""The largest p-value, among all comparisons that are judged together, of what is called faster or slower."""


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the first is against the second."""

    ratio: float
    """Of the medians; below 1 the first is faster."""
    low: float | None
    high: float | None
    """Ends of its two-sided 95 % interval; ``None`` with fewer than five blocks a side."""
    p: float | None
    """Two-sided; ``None`` with fewer than five blocks a side. Of pairs Wilcoxon's signed ranks, else Mann-Whitney, on
    block medians."""
    blocks: tuple[int, int]
    margin: float
    paired: bool
    outcome: Outcome
    effective_blocks: tuple[float, float] | None = None
    """Of separate runs, how many independent blocks would say as much as those of each; ``None`` of pairs."""


def compare(first: Blocked, second: Blocked, *, paired: bool, margin: float = MARGIN, seed: int = 0) -> Comparison:
    """Judge the first against the second, by the interval of the ratio of their medians.

    ``faster`` and ``slower`` need the whole interval beyond the margin, ``equivalent`` the whole interval within it;
    all else is ``inconclusive``, and so are separate runs with fewer than five effective blocks a side. So a difference
    that is no larger than the margin is called faster or slower at most as often as the interval misses it on that side
    (2.5 %), whatever it is, and two equal subjects hardly ever; a difference larger than the margin is never called
    equivalent more often. The price is that a difference is found in 95 % of all cases only when it exceeds the margin
    by about 1.8 times the interval's half width. Of several comparisons, :func:`verdicts` has the last word.

    Args:
        first, second: samples in blocks.
        paired: whether their blocks ran interleaved in one run; else they are of separate runs.
        margin: as a fraction, 0.02 is 2 %.
        seed: of the resampling.

    References:
        Kalibera and Jones, Quantifying Performance Changes with Effect Size Confidence Intervals, 2012;
        Schuirmann, A Comparison of the Two One-Sided Tests Procedure, 1987 (equivalence);
        Criterion.rs, noise threshold (the whole interval must lie beyond it).
    """
    if paired:
        ratio, separate = paired_ratio(first, second, seed), None
    else:
        separate = separate_ratio(first, second, seed)
        ratio = separate.ratio
    effective = None if separate is None else separate.effective
    blocks = len(first.blocks), len(second.blocks)
    if min(blocks) < MIN_BLOCKS:
        return Comparison(ratio.value, None, None, None, blocks, margin, paired, "inconclusive", effective)
    few = effective is not None and min(effective) < MIN_BLOCKS
    outcome: Outcome = "inconclusive" if few else _outcome(ratio, margin)
    p = _p(first, second, separate)
    return Comparison(ratio.value, ratio.low, ratio.high, p, blocks, margin, paired, outcome, effective)


def verdicts(comparisons: Sequence[Comparison]) -> tuple[tuple[float | None, Outcome], ...]:
    """The p-value of each, adjusted for their number, and its outcome where that is significant among so many.

    References:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    known = iter(holm([one.p for one in comparisons if one.p is not None]))
    adjusted = [None if one.p is None else next(known) for one in comparisons]
    return tuple((p, _held(one.outcome, p)) for one, p in zip(comparisons, adjusted, strict=True))


def _held(outcome: Outcome, p: float | None) -> Outcome:
    is_chance = p is None or p > SIGNIFICANT
    return "inconclusive" if is_chance and outcome in ("faster", "slower") else outcome


def _p(first: Blocked, second: Blocked, separate: Separate | None) -> float:
    sizes = [one.blocks if separate is None else stretches(one.blocks) for one in (first, second)]
    ours, theirs = (block_medians(one.samples_ns, size) for one, size in zip((first, second), sizes, strict=True))
    if separate is None:
        pairs = min(len(ours), len(theirs))
        return signed_rank(tuple(np.log(np.maximum(ours[:pairs], 1) / np.maximum(theirs[:pairs], 1))))
    counts = len(ours), len(theirs)
    # each side has the weight in the variance of U that the number of the other gives it
    inflation = sum(
        count / effective * (sum(counts) - count) / sum(counts)
        for count, effective in zip(counts, separate.effective, strict=True)
    )
    return mann_whitney(tuple(ours), tuple(theirs), max(1.0, inflation), separate.freedom)


def _outcome(ratio: Ratio, margin: float) -> Outcome:
    if ratio.high < 1 - margin:
        return "faster"
    if ratio.low > 1 + margin:
        return "slower"
    if 1 - margin <= ratio.low and ratio.high <= 1 + margin:
        return "equivalent"
    return "inconclusive"
