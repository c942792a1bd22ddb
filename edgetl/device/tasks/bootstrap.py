"""Percentile intervals of any metric that can be written for weighted samples, all resamples at once.

A resample of the bootstrap is a vector of how often each sample was drawn, so every metric is a weighted one and all
resamples are computed by matrix products. What a resample leaves undefined (a class it does not hold) is left out of
its mean, as it is in the metric itself; a resample in which nothing is defined does not count.

References:
    Efron (1979), Bootstrap methods, Annals of Statistics 7: percentile intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgetl.evaluation import Interval

Floats: TypeAlias = NDArray[np.float64]
Statistic: TypeAlias = Callable[[Floats], Floats]
"""From weights of shape ``(n, resamples)`` to values of shape ``(resamples,)``; NaN where undefined."""

_RESAMPLES = 1000
_RESAMPLES_MIN = 200
_WORK_MAX = 1 << 26
"""Resamples x samples x classes; above it there are fewer resamples, down to the minimum."""
_CHUNK = 1 << 20


def bootstrap(statistics: dict[str, Statistic], shape: tuple[int, int], seed: int) -> Iterator[Interval]:
    """Every statistic with its 95 % interval; one that is undefined on the samples themselves is left out.

    Args:
        statistics: by name.
        shape: samples and classes.
        seed: of the resamples.
    """
    n = shape[0]
    chunks = [{name: of(weights) for name, of in statistics.items()} for weights in resamples(shape, seed)]
    for name, of in statistics.items():
        value = float(of(np.ones((n, 1)))[0])
        if np.isnan(value):
            continue
        resampled = np.concatenate([chunk[name] for chunk in chunks])
        low, high = np.nanpercentile(resampled, (2.5, 97.5)).tolist() if not np.isnan(resampled).all() else (0.0, 1.0)
        yield Interval(name, value, (low, high), n)


def resamples(shape: tuple[int, int], seed: int) -> Iterator[Floats]:
    """How often each sample was drawn, ``(n, resamples)`` at a time, as much as fits into a cache."""
    n, classes = shape
    rng = np.random.default_rng(seed)
    left = int(np.clip(_WORK_MAX // (n * classes), _RESAMPLES_MIN, _RESAMPLES))
    while left > 0:
        columns = min(left, max(1, _CHUNK // n))
        drawn = rng.integers(0, n, (n, columns)) * columns + np.arange(columns)
        yield np.bincount(drawn.ravel(), minlength=n * columns).reshape(n, columns).astype(np.float64)
        left -= columns


def ratio(part: Floats, whole: Floats) -> Floats:
    """``part / whole``; NaN where ``whole`` is 0."""
    share: Floats = np.full(part.shape, np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def mean_of_defined(values: Floats) -> Floats:
    """Mean over the first dimension of what is not NaN."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0).astype(np.float64))
