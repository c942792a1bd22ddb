"""Which of two is faster, with the uncertainty that blocks show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.device.bench.timing import Timed

_MIN_BLOCKS = 5
_RESAMPLES = 2000
_WORK = 1 << 21
"""Weights that are computed at a time."""


@dataclass(frozen=True)
class Ratio:
    """Median latency of one over another's, with its two-sided 95 % interval; below 1 the first is faster."""

    value: float
    low: float
    high: float


def ratio_of_medians(first: Timed, second: Timed, seed: int) -> Ratio:
    """Bootstrap the ratio of medians over pairs of blocks that ran side by side.

    Blocks, not samples, are drawn: samples of one block share the machine's mood and are not independent.

    Args:
        first, second: two subjects of the same interleaved run.
        seed: of the resampling.

    Returns:
        The ratio; its interval is ``(0, inf)`` with fewer than five common blocks, which prove nothing.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3 (percentile interval);
        Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, ISMM 2013 (levels of repetition).
    """
    pairs = min(len(first.blocks), len(second.blocks))
    ours, theirs = _Blocks(first, pairs), _Blocks(second, pairs)
    value = float((ours.medians(np.ones((1, pairs))) / theirs.medians(np.ones((1, pairs))))[0])
    if pairs < _MIN_BLOCKS:
        return Ratio(value, 0.0, math.inf)
    drawn = np.random.default_rng(seed).multinomial(pairs, [1 / pairs] * pairs, size=_RESAMPLES)
    low, high = np.percentile(ours.medians(drawn) / theirs.medians(drawn), (2.5, 97.5))
    return Ratio(value, float(low), float(high))


class _Blocks:
    """The samples of the first blocks, sorted once; a resample only weighs them anew."""

    def __init__(self, timed: Timed, count: int) -> None:
        samples = np.asarray(timed.samples_ns[: sum(timed.blocks[:count])], dtype=np.float64)
        order = np.argsort(samples, kind="stable")
        self._samples = samples[order]
        self._block = np.repeat(np.arange(count), timed.blocks[:count])[order]

    def medians(self, weights: NDArray[np.generic]) -> NDArray[np.float64]:
        """Nearest-rank medians when blocks count ``weights`` times; of shape ``(resamples, blocks)``."""
        rows = max(1, _WORK // len(self._samples))
        parts = [self._some_medians(weights[start : start + rows]) for start in range(0, len(weights), rows)]
        return np.concatenate(parts)

    def _some_medians(self, weights: NDArray[np.generic]) -> NDArray[np.float64]:
        reached = np.cumsum(weights[:, self._block], axis=1, dtype=np.float64)
        medians: NDArray[np.float64] = self._samples[np.argmax(reached >= reached[:, -1:] / 2, axis=1)]
        return medians
