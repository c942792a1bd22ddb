"""The ratio of medians of two separate runs, whose blocks follow the machine's mood."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.samples.ratio import MIN_BLOCKS, Ratio
from edgetl.samples.resampling import Blocked, BlockedMedians, draw
from edgetl.samples.series import block_medians
from edgetl.samples.student import two_sided_quantile

_STRETCHES = 20
_EFFECTIVE_MIN = 0.05
_WIDEST = math.log(1e6)


@dataclass(frozen=True)
class Separate:
    """What two runs say of each other."""

    ratio: Ratio
    effective: tuple[float, float]
    """Independent blocks that would say as much as those of each run."""
    freedom: int
    """Degrees of freedom of the interval."""


def separate_ratio(first: Blocked, second: Blocked, seed: int) -> Separate:
    """The ratio of medians of two runs, one after the other.

    What a machine does from minute to minute does not cancel out between runs, and neighbouring blocks share it: n of
    them say as much as ``n (1 - r) / (1 + r)`` independent ones, where r is the autocorrelation. The standard error
    that resampled blocks show is widened by that, and the interval is Student's, with as many degrees of freedom as
    there are effective blocks. What changes from one start to the next, such as where memory lies, is in no single run.

    Args:
        seed: of the resampling.

    Returns:
        The ratio; its interval is ``(0, inf)`` with fewer than five blocks a side.
        No interval reaches farther than a millionfold.

    References:
        Bayley and Hammersley, The "Effective" Number of Independent Observations in an Autocorrelated Time Series,
        1946 (effective blocks);
        Welch, The Generalization of "Student's" Problem when Several Different Population Variances Are Involved, 1947
        (degrees of freedom); Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, ISMM 2013 (starts).
    """
    random = np.random.default_rng(seed)
    sides = tuple(_Side.of(one, random) for one in (first, second))
    value = math.exp(sides[0].log_median - sides[1].log_median)
    effective = sides[0].effective, sides[1].effective
    if min(len(first.blocks), len(second.blocks)) < MIN_BLOCKS:
        return Separate(Ratio(value, 0.0, math.inf), effective, 1)
    variance = sum(one.variance for one in sides)
    terms = sum(one.variance**2 / max(one.effective - 1, 1.0) for one in sides)
    freedom = max(1, int(variance**2 / terms if terms > 0 else min(effective) - 1))
    width = math.exp(min(two_sided_quantile(0.05, freedom) * math.sqrt(variance), _WIDEST))
    return Separate(Ratio(value, value / width, value * width), effective, freedom)


def effective_blocks(medians: NDArray[np.float64]) -> float:
    """How many independent blocks would say as much as these consecutive ones, from 1 to their number.

    The lag-1 autocorrelation of a short series is too small by about ``(1 + 3 r) / n``, and is uncertain by
    ``sqrt((1 - r^2) / n)``: the one is undone, and the other added, because too few blocks cost only a longer
    measurement. Negative correlation counts as none.

    Args:
        medians: of blocks, of shape ``(n,)``; fewer than four count as one.

    References:
        Kendall, Note on Bias in the Estimation of Autocorrelation, Biometrika 41, 1954;
        Bartlett, On the Theoretical Specification and Sampling Properties of Autocorrelated Time-Series, 1946.
    """
    n = len(medians)
    if n < 4:
        return 1.0
    logs = np.log(np.maximum(medians, 1))
    centred = logs - logs.mean()
    if np.ptp(logs) == 0:
        return float(n)
    found = float(centred[:-1] @ centred[1:]) / float(centred @ centred)
    r = min(1.0, max(0.0, (n * found + 1) / (n - 3)))
    r = min(1.0, r + math.sqrt((1 - r * r) / n))
    return max(1.0, n * (1 - r) / (1 + r))


def stretches(blocks: Sequence[int]) -> tuple[int, ...]:
    """The lengths of blocks after merging neighbours into longer ones of equal number, 20 or more.

    Noise within blocks hides how far moods reach; over longer stretches it averages out. What is left over at the end
    joins the last one.
    """
    each = max(1, len(blocks) // _STRETCHES)
    number = len(blocks) // each
    lengths = [sum(blocks[place * each : (place + 1) * each]) for place in range(number)]
    if lengths:
        lengths[-1] += sum(blocks[number * each :])
    return tuple(lengths)


@dataclass(frozen=True)
class _Side:
    log_median: float
    variance: float
    """Of the logarithm of the median."""
    effective: float

    @staticmethod
    def of(series: Blocked, random: np.random.Generator) -> _Side:
        sizes = stretches(series.blocks)
        medians = BlockedMedians(series, sizes)
        # what takes no time at all has no logarithm
        drawn = np.log(np.maximum(medians.medians(draw(random, medians.count)), 1))
        effective = effective_blocks(block_medians(series.samples_ns, sizes))
        # of m effective blocks, the spread about their own mean shows (m - 1) / m of the variance
        widened = float(drawn.var()) * medians.count / max(effective - 1, _EFFECTIVE_MIN)
        return _Side(math.log(max(float(medians.medians(medians.once)[0]), 1.0)), widened, effective)
