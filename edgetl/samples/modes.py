"""How many typical values a quantity has."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_STEPS = 4
"""Grid points per bandwidth."""
_FINEST, _COARSEST = 0.005, 0.02
"""Bandwidth, relative: closer modes than 1 % are the same to everybody; the ticks of a clock are smoothed up to 2 %."""
_VALLEY = 0.5
"""A valley is at most that high, relative to the lower of its hills."""
_SIGMAS = 3.0
_SHARE = 0.05
"""Fewer samples than that are outliers, not a mode."""


def modes(samples: Sequence[int]) -> tuple[float, ...]:
    """Centres of the modes, ascending, in the unit of the samples; empty without samples.

    The histogram of logarithms is smoothed with a Gaussian of Silverman's bandwidth. Two hills are two modes when
    the valley between them is at most half as high as the lower one, by more than three standard deviations of the
    counts, and each has at least 5 % of the samples.

    References:
        Silverman, Density Estimation for Statistics and Data Analysis, 1986, section 3.4.2 (bandwidth);
        Hartigan and Hartigan, The Dip Test of Unimodality, 1985 (why valleys, not hills, tell modes).
    """
    logs = np.log(np.maximum(np.asarray(samples, np.float64), 1.0))
    if not len(logs):
        return ()
    smooth = _smoothed(logs)
    hills = _hills(smooth)
    while (weakest := _weakest(smooth, hills)) is not None:
        hills.remove(weakest)
    return tuple(math.exp(smooth.start + smooth.step * hill) for hill in hills)


@dataclass(frozen=True)
class _Smooth:
    counts: NDArray[np.float64]
    """Samples under the kernel at each point of the grid, were the kernel a box of the same variance."""
    histogram: NDArray[np.float64]
    start: float
    step: float


def _smoothed(logs: NDArray[np.float64]) -> _Smooth:
    bandwidth = _bandwidth(logs)
    step, start = bandwidth / _STEPS, float(logs.min()) - 4 * bandwidth
    places = np.rint((logs - start) / step).astype(int)
    histogram = np.bincount(places, minlength=int(places.max()) + 4 * _STEPS + 1).astype(np.float64)
    kernel = np.exp(-0.5 * (np.arange(-4 * _STEPS, 4 * _STEPS + 1) / _STEPS) ** 2)
    # scaled so that a flat density counts as many as lie within 2 sqrt(pi) bandwidths: the variance is Poisson's then
    counts = np.convolve(histogram, kernel * math.sqrt(2), mode="same")
    return _Smooth(counts, histogram, start, step)


def _bandwidth(logs: NDArray[np.float64]) -> float:
    first, third = np.percentile(logs, (25, 75))
    spread = min(float(logs.std()), float(third - first) / 1.34)
    values, counts = np.unique(logs, return_counts=True)
    tick = float(np.median(np.repeat(np.diff(values), counts[:-1]))) if len(values) > 1 else 0.0
    return max(0.9 * spread * math.pow(len(logs), -0.2), min(tick, _COARSEST), _FINEST)


def _hills(smooth: _Smooth) -> list[int]:
    counts = smooth.counts
    rises = np.diff(counts)
    turning = np.flatnonzero(rises != 0)
    tops = [
        (int(one) + 1 + int(other)) // 2 for one, other in itertools.pairwise(turning) if rises[one] > 0 > rises[other]
    ]
    return tops or [int(np.argmax(counts))]


def _weakest(smooth: _Smooth, hills: list[int]) -> int | None:
    """The lowest hill that is no mode of its own, or ``None`` when all are."""
    if len(hills) < 2:
        return None
    counts = smooth.counts
    valleys = [one + int(np.argmin(counts[one:other])) for one, other in itertools.pairwise(hills)]
    edges = [0, *valleys, len(counts)]
    shares = [smooth.histogram[start:end].sum() / smooth.histogram.sum() for start, end in itertools.pairwise(edges)]
    weak = {hill for hill, share in zip(hills, shares, strict=True) if share < _SHARE}
    for one, other, valley in zip(hills, hills[1:], valleys, strict=False):
        lower = one if counts[one] <= counts[other] else other
        depth, noise = counts[lower] - counts[valley], math.sqrt(counts[lower] + counts[valley])
        if counts[valley] > _VALLEY * counts[lower] or depth < _SIGMAS * noise:
            weak.add(lower)
    return min(weak, key=lambda hill: counts[hill], default=None)
