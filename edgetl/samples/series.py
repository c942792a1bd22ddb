"""What a series of samples looks like in time and in shape: correlation, outliers. Nothing is dropped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.samples.ranks import midranks


@dataclass(frozen=True)
class Outliers:
    """How many samples lie far outside the middle half."""

    mild: int
    """Between 1.5 and 3 interquartile ranges beyond a quartile."""
    severe: int
    """Further out."""


def autocorrelation(samples: Sequence[int], lag: int = 1) -> float | None:
    """Correlation of each sample's rank with that of the sample ``lag`` later.

    Ranks, because one stall would outweigh every other sample.

    Returns:
        From -1 to 1; ``None`` when there are too few samples or all are equal.

    References:
        Spearman, The Proof and Measurement of Association between Two Things, 1904.
    """
    centred = _centred_ranks(samples)
    total = float(centred @ centred)
    if not 0 < lag < len(centred) or total == 0:
        return None
    return float(centred[:-lag] @ centred[lag:]) / total


def effective_n(samples: Sequence[int]) -> float:
    """How many independent samples would say as much, from 1 to their number.

    The number is divided by the integrated autocorrelation time of the ranks, whose sum ends where a pair of
    neighbouring lags has no positive sum, pairs being kept from growing (initial monotone sequence). Samples that are
    all equal count in full: there is nothing that could be correlated.

    References:
        Geyer, Practical Markov Chain Monte Carlo, Statistical Science 7, 1992, section 3.3;
        Vehtari et al., Rank-Normalization, Folding, and Localization: An Improved R-hat, 2021 (ranks).
    """
    n = len(samples)
    centred = _centred_ranks(samples)
    total = float(centred @ centred)
    if n < 4 or total == 0:
        return float(n)
    time, least = -1.0, math.inf
    # lag by lag, because few count; all of them at once, by Fourier transform, would take memory of many times n
    for lag in range(0, n - 1, 2):
        pair = float(centred[: n - lag] @ centred[lag:] + centred[: n - lag - 1] @ centred[lag + 1 :]) / total
        if pair <= 0:
            break
        least = min(least, pair)
        time += 2 * least
    return min(float(n), max(1.0, n / time)) if time > 0 else float(n)


def block_medians(samples: Sequence[int], blocks: Sequence[int]) -> NDArray[np.float64]:
    """Median of each block; of shape ``(blocks,)``."""
    ends = np.cumsum(blocks)[:-1]
    return np.asarray([np.median(part) for part in np.split(np.asarray(samples, np.float64), ends)])


def outliers(samples: Sequence[int]) -> Outliers:
    """Count samples beyond the fences; where the middle half is all equal, every other sample is severe.

    References:
        Tukey, Exploratory Data Analysis, 1977, section 2D.
    """
    values = np.asarray(samples, np.float64)
    if not len(values):
        return Outliers(0, 0)
    first, third = np.percentile(values, (25, 75))
    beyond, spread = np.maximum(first - values, values - third), third - first
    severe = int((beyond > 3 * spread).sum())
    return Outliers(int((beyond > 1.5 * spread).sum()) - severe, severe)


def _centred_ranks(samples: Sequence[int]) -> NDArray[np.float64]:
    """Ranks less their mean."""
    ranks, _ = midranks(np.asarray(samples))
    return ranks - (len(ranks) + 1) / 2
