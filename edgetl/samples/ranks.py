"""Tests that use only the order of samples, and the correction for making many of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetl.samples.student import two_sided_p

_EXACT = 20
"""Larger samples are normal enough."""


def mann_whitney(first: Sequence[float], second: Sequence[float], inflation: float = 1.0, freedom: int = 0) -> float:
    """Two-sided p-value of the Mann-Whitney U test, that either is as likely to be the larger.

    Exact up to 20 independent values a side without ties; otherwise the normal approximation, corrected for ties and
    continuity.

    Args:
        inflation: how many times as large the variance of U is as of independent values; 1 or more.
        freedom: with which that is known: Student's t takes the place of the normal distribution. 0 is no end of it.

    Returns:
        From 0 to 1; 1 when a side is empty or all values are equal.

    References:
        Mann and Whitney, On a Test of Whether One of Two Random Variables is Stochastically Larger, 1947;
        Lehmann, Nonparametrics, 1975, section 1.4 (ties).
    """
    ours, theirs = len(first), len(second)
    if not ours or not theirs:
        return 1.0
    values = np.concatenate([np.asarray(first, np.float64), np.asarray(second, np.float64)])
    ranks, counts = midranks(values)
    u = float(ranks[:ours].sum()) - ours * (ours + 1) / 2
    # by symmetry the smaller of the two statistics says it all
    u = min(u, ours * theirs - u)
    if counts.max() == 1 and max(ours, theirs) <= _EXACT and inflation == 1 and not freedom:
        ways = _ways(ours, theirs)
        return min(1.0, 2 * sum(ways[: int(u) + 1]) / sum(ways))
    distance = _normal_distance(u, ours, theirs, counts) / math.sqrt(inflation)
    return two_sided_p(distance, freedom) if freedom else min(1.0, 2 * NormalDist().cdf(-distance))


def signed_rank(differences: Sequence[float]) -> float:
    """Two-sided p-value of the Wilcoxon signed-rank test, that differences of pairs lie evenly around 0.

    Exact up to 20 differences without ties; otherwise the normal approximation, corrected for ties and continuity.
    Differences of 0 do not count.

    Returns:
        From 0 to 1; 1 when there is nothing to count.

    References:
        Wilcoxon, Individual Comparisons by Ranking Methods, 1945; Lehmann, Nonparametrics, 1975, section 3.2 (ties).
    """
    values = np.asarray(differences, np.float64)
    values = values[values != 0]
    n = len(values)
    if not n:
        return 1.0
    ranks, counts = midranks(np.abs(values))
    positive = float(ranks[values > 0].sum())
    positive = min(positive, n * (n + 1) / 2 - positive)
    if counts.max() == 1 and n <= _EXACT:
        ways = [1]
        for rank in range(1, n + 1):
            ways = [one + other for one, other in zip([*ways, *[0] * rank], [*[0] * rank, *ways], strict=True)]
        return min(1.0, float(2 * sum(ways[: int(positive) + 1]) / 2**n))
    distance = max(0.0, n * (n + 1) / 4 - positive - 0.5)
    return min(1.0, 2 * NormalDist().cdf(-distance / math.sqrt(float((ranks**2).sum()) / 4)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values adjusted for being one of many, in the order given: those at most 5 % are wrong in 5 % of all families.

    References:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda one: p_values[one])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return tuple(adjusted)


def midranks(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The rank of each value, from 1, equal ones sharing the middle of theirs; and how often each distinct one occurs.

    Returns:
        Arrays of shape ``(values,)`` and ``(distinct values,)``, the second in ascending order of the values.
    """
    order = np.argsort(values)
    ordered, is_first = values[order], np.ones(len(values), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(is_first)
    counts = np.diff(starts, append=len(values))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(starts + (counts + 1) / 2, counts)
    return ranks, counts


def _ways(ours: int, theirs: int) -> list[int]:
    """In how many orders of the values each U comes about: the coefficients of the Gaussian binomial."""
    ways = [1] + [0] * (ours * theirs)
    for size in range(1, ours + 1):
        for u in range(len(ways) - 1, theirs + size - 1, -1):
            ways[u] -= ways[u - theirs - size]
        for u in range(size, len(ways)):
            ways[u] += ways[u - size]
    return ways


def _normal_distance(u: float, ours: int, theirs: int, counts: NDArray[np.int64]) -> float:
    """In standard deviations from the middle."""
    n = ours + theirs
    # as floats, whose cubes do not overflow
    tied = counts.astype(np.float64)
    variance = ours * theirs / 12 * (n + 1 - float((tied**3 - tied).sum()) / (n * (n - 1)))
    return max(0.0, ours * theirs / 2 - u - 0.5) / math.sqrt(variance) if variance > 0 else 0.0
