"""Which of two is faster, with the uncertainty that blocks show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.device.bench.timing import Timed

_MIN_BLOCKS = 5
_RESAMPLES = 2000


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
    value = float(np.median(first.samples_ns) / np.median(second.samples_ns))
    if pairs < _MIN_BLOCKS:
        return Ratio(value, 0.0, math.inf)
    ours, theirs = _split(first)[:pairs], _split(second)[:pairs]
    random = np.random.default_rng(seed)
    ratios = np.empty(_RESAMPLES)
    for index in range(_RESAMPLES):
        drawn = random.integers(0, pairs, pairs)
        ratios[index] = _median(ours, drawn) / _median(theirs, drawn)
    low, high = np.percentile(ratios, (2.5, 97.5))
    return Ratio(value, float(low), float(high))


def _split(timed: Timed) -> list[NDArray[np.int64]]:
    ends = np.cumsum(timed.blocks)[:-1]
    return np.split(np.asarray(timed.samples_ns, dtype=np.int64), ends)


def _median(blocks: list[NDArray[np.int64]], drawn: NDArray[np.int64]) -> float:
    return float(np.median(np.concatenate([blocks[index] for index in drawn])))
