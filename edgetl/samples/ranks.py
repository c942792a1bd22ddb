"""Tests that use only the order of samples, and the correction for making many of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

_EXACT = 20
"""Larger samples are normal enough."""


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p-value of the Mann-Whitney U test, that either is as likely to be the larger.

    Exact up to 20 values a side without ties; otherwise the normal approximation, corrected for ties and continuity.

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
    if counts.max() == 1 and max(ours, theirs) <= _EXACT:
        ways = _ways(ours, theirs)
        return min(1.0, 2 * sum(ways[: int(u) + 1]) / sum(ways))
    return _normal(u, ours, theirs, counts)


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
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place], counts


def _ways(ours: int, theirs: int) -> list[int]:
    """In how many orders of the values each U comes about: the coefficients of the Gaussian binomial."""
    ways = [1] + [0] * (ours * theirs)
    for size in range(1, ours + 1):
        for u in range(len(ways) - 1, theirs + size - 1, -1):
            ways[u] -= ways[u - theirs - size]
        for u in range(size, len(ways)):
            ways[u] += ways[u - size]
    return ways


def _normal(u: float, ours: int, theirs: int, counts: NDArray[np.int64]) -> float:
    n = ours + theirs
    # as floats, whose cubes do not overflow
    tied = counts.astype(np.float64)
    variance = ours * theirs / 12 * (n + 1 - float((tied**3 - tied).sum()) / (n * (n - 1)))
    if variance <= 0:
        return 1.0
    distance = max(0.0, ours * theirs / 2 - u - 0.5)
    return min(1.0, 2 * NormalDist().cdf(-distance / math.sqrt(variance)))
