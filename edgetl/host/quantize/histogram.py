"""A histogram that grows with its data, in bounded memory and whatever the order of the data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.errors import DataError

BINS = 2048
"""Bins between the smallest and the largest value seen, zero included; at least half of them are in use."""
SAMPLED = 16_384
"""Values per array that enter the histogram; minimum and maximum are always taken over all."""

_FINEST = -100
"""Exponent of the narrowest bin, so that scaling to bins cannot overflow."""


@dataclass(frozen=True)
class TensorRange:
    """What was seen of one tensor: bin ``i`` counts values of ``[(first + i) * width, (first + i + 1) * width)``.

    ``width`` is a power of two, so that zero is always the edge of a bin.
    """

    low: float
    high: float
    width: float
    first: int
    counts: NDArray[np.int64]
    means: NDArray[np.float32]
    """Mean of every channel; empty where no channels were watched."""

    @property
    def centres(self) -> NDArray[np.float64]:
        """Middle of every bin."""
        return np.asarray((self.first + np.arange(len(self.counts)) + 0.5) * self.width)

    def quantile(self, fraction: float) -> float:
        """The value below which ``fraction`` of the counted values lie, interpolated inside its bin."""
        cumulated = np.cumsum(self.counts)
        wanted = fraction * cumulated[-1]
        bin_ = min(int(np.searchsorted(cumulated, wanted)), len(cumulated) - 1)
        inside = (wanted - (cumulated[bin_] - self.counts[bin_])) / max(int(self.counts[bin_]), 1)
        return float(np.clip((self.first + bin_ + inside) * self.width, self.low, self.high))


@dataclass(frozen=True)
class Watched:
    """How far an :class:`Observer` has come; another one goes on from here."""

    arrays: int
    low: float
    high: float
    exponent: int
    first: int
    counts: NDArray[np.int64]
    """Of all bins, ``(2048,)``."""
    means: NDArray[np.float64]
    """Sums of the means of every channel so far; empty where no channels are watched."""


class Observer:
    """Watches one tensor, and the mean of each of its channels where their axis is given.

    The outcome depends on the arrays seen, not on their order. Bins double in width when a value falls outside of
    them, and pairs of bins merge: the width after all data is the smallest power of two with which the whole range
    fits, whatever came first. Of arrays with more than :data:`SAMPLED` values every n-th enters the histogram, n
    having no divisor in common with the array's size, so that every row, column and channel is met.
    """

    def __init__(self, name: str, channels: int | None = None) -> None:
        self._name = name
        self._channels = channels
        self._arrays = 0
        self._means: NDArray[np.float64] = np.zeros(0)
        self._low, self._high = math.inf, -math.inf
        self._exponent = _FINEST
        self._first = 0
        self._counts = np.zeros(BINS, np.int64)

    @classmethod
    def going_on(cls, name: str, channels: int | None, watched: Watched) -> Observer:
        """An observer that has seen what another one had."""
        observer = cls(name, channels)
        observer._arrays, observer._low, observer._high = watched.arrays, watched.low, watched.high
        observer._exponent, observer._first = watched.exponent, watched.first
        observer._counts, observer._means = watched.counts.copy(), watched.means.copy()
        return observer

    @property
    def watched(self) -> Watched:
        """What is needed to go on later."""
        counts, means = self._counts.copy(), self._means.copy()
        return Watched(self._arrays, self._low, self._high, self._exponent, self._first, counts, means)

    def update(self, values: NDArray[np.float32]) -> None:
        """Count one sample's tensor.

        Raises:
            DataError: a value is NaN or infinite.
        """
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise DataError(
                f"tensor {self._name!r} has NaN or infinite values on a calibration sample; "
                "check the model's weights and its preprocessing"
            )
        self._low, self._high = min(self._low, low), max(self._high, high)
        self._widen()
        self._count(_sampled(values))
        if self._channels is not None:
            # float32 means add up exactly in float64, so the order of the arrays does not matter here either
            others = tuple(axis for axis in range(values.ndim) if axis != self._channels % values.ndim)
            means = values.mean(axis=others).astype(np.float64)
            self._means = self._means + means if self._arrays else means
        self._arrays += 1

    def seen(self) -> TensorRange:
        """What has been seen so far, without empty bins at the ends.

        Raises:
            DataError: nothing has been seen.
        """
        used = np.flatnonzero(self._counts)
        if not used.size:
            raise DataError(f"tensor {self._name!r} was never computed; calibrate with images that reach it")
        counts = self._counts[used[0] : used[-1] + 1].copy()
        means = (self._means / self._arrays).astype(np.float32)
        width = math.ldexp(1.0, self._exponent)
        return TensorRange(self._low, self._high, width, self._first + int(used[0]), counts, means)

    def _widen(self) -> None:
        exponent = _exponent(min(self._low, 0.0), max(self._high, 0.0), self._exponent)
        first = math.floor(math.ldexp(min(self._low, 0.0), -exponent))
        if (exponent, first) == (self._exponent, self._first):
            return
        merged = np.zeros(BINS, np.int64)
        used = np.flatnonzero(self._counts)
        shift = min(exponent - self._exponent, 62)
        np.add.at(merged, ((used + self._first) >> shift) - first, self._counts[used])
        self._exponent, self._first, self._counts = exponent, first, merged

    def _count(self, values: NDArray[np.float32]) -> None:
        # a float32 times a power of two is exact in float64, so a value is in the same bin whatever the width was
        # (and a product is so several times as soon as numpy's ldexp)
        bins = np.floor(np.multiply(values, math.ldexp(1.0, -self._exponent), dtype=np.float64))
        self._counts += np.bincount(bins.astype(np.int64) - self._first, minlength=BINS)


def _exponent(low: float, high: float, at_least: int) -> int:
    """Exponent of the narrowest bin with which ``low`` to ``high`` takes at most :data:`BINS` bins."""
    exponent = at_least
    if high > low:
        exponent = max(at_least, math.frexp((high - low) / BINS)[1] - 1)
    while math.floor(math.ldexp(high, -exponent)) - math.floor(math.ldexp(low, -exponent)) >= BINS:
        exponent += 1
    return exponent


def _sampled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = values.reshape(-1)
    if flat.size <= SAMPLED:
        return flat
    step = -(-flat.size // SAMPLED)
    while math.gcd(step, flat.size) > 1:
        step += 1
    return flat[::step]
