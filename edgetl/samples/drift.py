"""Whether latency changed while it was measured, beyond what the machine's moods explain."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.samples.separate import stretches
from edgetl.samples.series import block_medians
from edgetl.samples.student import two_sided_quantile

DRIFT_MARGIN = 0.02
"""A smaller change of the median matters to nobody."""
_BLOCKS_MIN = 9
_MEMORIES = np.array([*np.arange(0.0, 0.96, 0.05), 0.98])
"""Autocorrelations that are told apart; with more, no run is long enough to tell a drift from a mood."""
_ONE_SIDED = 1.645
"""Standard errors that are added to the autocorrelation: its one-sided 95 % bound."""
_WIDEST = math.log(1e6)


@dataclass(frozen=True)
class Drift:
    """Change of the block medians from the first third of the blocks to the last, as fractions of the first."""

    change: float
    low: float
    high: float
    """Ends of the two-sided 95 % interval."""

    @property
    def is_drifting(self) -> bool:
        """Whether the change is proven and large enough to matter."""
        return not self.low <= 0 <= self.high and abs(self.change) > DRIFT_MARGIN


def drift(samples: Sequence[int], blocks: Sequence[int]) -> Drift | None:
    """Compare the blocks of the first third with those of the last, by the logarithms of their medians.

    Neighbouring blocks share the machine's mood, which is taken for a first-order autoregression. Its variance and
    memory are estimated from what a straight line in each of both thirds leaves over: a trend is what is looked for,
    and no mood. The memory is corrected for what fitting lines takes from it, and its one-sided 95 %
    bound is used, because a few blocks hardly tell it. Where moods last ten blocks, the interval still misses in up to
    one run in ten; where blocks are independent, in less than one in twenty.

    Args:
        samples: in time order.
        blocks: length of each block; they add up to the number of samples.

    Returns:
        The change of their geometric means; ``None`` with fewer than nine blocks, too few on either side to judge by.
        No interval reaches farther than a millionfold.

    References:
        Bartlett, On the Theoretical Specification and Sampling Properties of Autocorrelated Time-Series, 1946 (standard
        error of the memory);
        Satterthwaite, An Approximate Distribution of Estimates of Variance Components, Biometrics Bulletin 2, 1946
        (degrees of freedom).
    """
    if len(blocks) < _BLOCKS_MIN:
        return None
    # what takes no time at all has no relative change
    logs = np.log(np.maximum(block_medians(samples, stretches(blocks)), 1.0))
    third = len(logs) // 3
    ends = np.concatenate([logs[:third], logs[-third:]])
    change = float(ends[third:].mean() - ends[:third].mean())
    width = min(_half_width(ends, len(logs)), _WIDEST)
    return Drift(math.expm1(change), math.expm1(change - width), math.expm1(change + width))


def _half_width(ends: NDArray[np.float64], number: int) -> float:
    expected = _expected(number)
    left_over = expected.residuals @ ends
    squares = float(left_over @ left_over)
    if squares == 0:
        return 0.0
    found = float(left_over @ expected.neighbours @ left_over) / squares
    memory = float(np.interp(found, expected.correlations, _MEMORIES))
    bound = memory + _ONE_SIDED * math.sqrt((1 - memory * memory) / len(ends))
    variance, freedom = (float(np.interp(bound, _MEMORIES, of)) for of in (expected.variances, expected.freedoms))
    return two_sided_quantile(0.05, max(1, int(freedom))) * math.sqrt(variance * squares)


@dataclass(frozen=True)
class _Expected:
    """What moods of each memory do to both outer thirds of a series."""

    residuals: NDArray[np.float64]
    """From values to what the lines leave over."""
    neighbours: NDArray[np.float64]
    """1 where the column follows the row in the same third."""
    correlations: NDArray[np.float64]
    """Lag-1 autocorrelation of what is left over, by memory."""
    variances: NDArray[np.float64]
    """Of the change, as a multiple of the squares that are left over."""
    freedoms: NDArray[np.float64]


@functools.lru_cache(maxsize=64)
def _expected(number: int) -> _Expected:
    third = number // 3
    times = np.concatenate([np.arange(third), np.arange(number - third, number)])
    is_last = (np.arange(2 * third) >= third).astype(np.float64)
    lines = np.kron(np.eye(2), np.stack([np.ones(third), np.arange(third) - (third - 1) / 2], axis=1))
    residuals = np.eye(2 * third) - lines @ np.linalg.pinv(lines)
    contrast = (2 * is_last - 1) / third
    neighbours = np.eye(2 * third, k=1)
    neighbours[third - 1, third] = 0
    distances = np.abs(times[:, None] - times)
    told = np.array([_told(memory**distances, residuals, neighbours, contrast) for memory in _MEMORIES])
    # far memories look alike, and rounding must not turn them round
    correlations = np.maximum.accumulate(told[:, 0])
    return _Expected(residuals, neighbours, correlations, told[:, 1], told[:, 2])


def _told(
    moods: NDArray[np.float64],
    residuals: NDArray[np.float64],
    neighbours: NDArray[np.float64],
    contrast: NDArray[np.float64],
) -> tuple[float, float, float]:
    """Correlation, variance and degrees of freedom, of moods of this covariance."""
    left_over = residuals @ moods @ residuals
    squares = float(np.trace(left_over))
    freedom = squares**2 / float(np.sum(left_over * left_over))
    return float(np.sum(neighbours * left_over)) / squares, float(contrast @ moods @ contrast) / squares, freedom
