"""The ratio of two medians, with the uncertainty that blocks show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MIN_BLOCKS = 5
"""Fewer prove nothing."""
_RESAMPLES = 2000


class Blocked(Protocol):
    """Samples that were taken in blocks."""

    @property
    def samples_ns(self) -> Sequence[int]:
        """Every sample, in time order."""

    @property
    def blocks(self) -> Sequence[int]:
        """Length of each block, in order; samples of one block share the machine's mood and are not independent."""


@dataclass(frozen=True)
class Ratio:
    """Median latency of one over another's, with its two-sided 95 % interval; below 1 the first is faster."""

    value: float
    low: float
    high: float


def ratio_of_medians(first: Blocked, second: Blocked, seed: int) -> Ratio:
    """Bootstrap the ratio of medians over pairs of blocks that ran side by side.

    Blocks, not samples, are drawn.

    Args:
        first, second: two subjects of the same interleaved run.
        seed: of the resampling.

    Returns:
        The ratio; its interval is ``(0, inf)`` with fewer than five common blocks, which prove nothing.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3 (percentile interval);
        Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, ISMM 2013 (levels of repetition).
    """
    value, drawn = resampled_ratios(first, second, seed, paired=True)
    if drawn is None:
        return Ratio(value, 0.0, math.inf)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Ratio(value, float(low), float(high))


def expanded_ratio(first: Blocked, second: Blocked, seed: int, paired: bool) -> Ratio:
    """The ratio of medians with an interval that holds with few blocks, too.

    The percentile interval of n blocks is too narrow by ``sqrt((n - 1) / n)`` and by the difference of Student's t from
    the normal distribution: of ten blocks it covers 91 %. Further percentiles of the same resamples make up for both.

    Args:
        first, second: blocks; of unpaired ones the smaller number decides.
        seed: of the resampling.
        paired: whether they ran interleaved; what met both alike cancels out then.

    Returns:
        The ratio; its interval is ``(0, inf)`` with fewer than five blocks a side.

    References:
        Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69, 2015, section 5.3
        (expanded percentile interval).
    """
    value, drawn = resampled_ratios(first, second, seed, paired)
    if drawn is None:
        return Ratio(value, 0.0, math.inf)
    blocks = min(len(first.blocks), len(second.blocks))
    tail = 100 * NormalDist().cdf(-_student(blocks - 1) * math.sqrt(blocks / (blocks - 1)))
    low, high = np.percentile(drawn, (tail, 100 - tail))
    return Ratio(value, float(low), float(high))


def resampled_ratios(
    first: Blocked, second: Blocked, seed: int, paired: bool
) -> tuple[float, NDArray[np.float64] | None]:
    """The ratio of medians, and those of its resamples, of shape ``(2000,)``; ``None`` with fewer than five blocks.

    Paired blocks are drawn together, and blocks without a partner do not count.
    """
    common = min(len(first.blocks), len(second.blocks))
    ours = _Blocks(first, common if paired else len(first.blocks))
    theirs = _Blocks(second, common if paired else len(second.blocks))
    value = float((ours.medians(ours.once) / theirs.medians(theirs.once))[0])
    if common < MIN_BLOCKS:
        return value, None
    random = np.random.default_rng(seed)
    drawn = _draw(random, ours.count)
    return value, ours.medians(drawn) / theirs.medians(drawn if paired else _draw(random, theirs.count))


def _draw(random: np.random.Generator, blocks: int) -> NDArray[np.int64]:
    return random.multinomial(blocks, [1 / blocks] * blocks, size=_RESAMPLES)


def _student(freedom: int) -> float:
    """The 97.5 % point of Student's t, to 0.3 % from 4 degrees of freedom on (Abramowitz and Stegun 1964, 26.7.5)."""
    z = NormalDist().inv_cdf(0.975)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + terms[0] / freedom + terms[1] / freedom**2 + terms[2] / freedom**3


class _Blocks:
    """The samples of the first blocks, sorted once; a resample only weighs them anew."""

    def __init__(self, series: Blocked, count: int) -> None:
        self.count = count
        self.once = np.ones((1, count), np.int64)
        self._sizes = np.asarray(series.blocks[:count])
        samples = np.asarray(series.samples_ns[: int(self._sizes.sum())], dtype=np.float64)
        self._sorted = np.sort(samples)
        self._parts = [np.sort(part) for part in np.split(samples, np.cumsum(self._sizes)[:-1])]

    def medians(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """Nearest-rank medians when blocks count ``weights`` times, of shape ``(resamples, blocks)``; by bisection."""
        total = weights @ self._sizes
        low, high = np.zeros(len(weights), np.int64), np.full(len(weights), len(self._sorted) - 1)
        while np.any(low < high):
            middle = (low + high) // 2
            reached = 2 * (weights * self._at_most(middle)).sum(axis=1) >= total
            low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
        medians: NDArray[np.float64] = self._sorted[low]
        return medians

    def _at_most(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Samples of each block at or below the sample at each place; of shape ``(places, blocks)``."""
        asked, where = np.unique(places, return_inverse=True)
        counts = [np.searchsorted(part, self._sorted[asked], side="right") for part in self._parts]
        return np.stack(counts, axis=1)[where]
