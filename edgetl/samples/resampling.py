"""Medians of resampled blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 2000


class Blocked(Protocol):
    """Samples that were taken in blocks."""

    @property
    def samples_ns(self) -> Sequence[int]:
        """Every sample, in time order."""

    @property
    def blocks(self) -> Sequence[int]:
        """Length of each block, in order; samples of one block share the machine's mood and are not independent."""


def draw(random: np.random.Generator, blocks: int) -> NDArray[np.int64]:
    """How often each block counts in each resample, of shape ``(2000, blocks)``."""
    return random.multinomial(blocks, [1 / blocks] * blocks, size=_RESAMPLES)


class BlockedMedians:
    """The samples of the first blocks, sorted once; a resample only weighs them anew."""

    def __init__(self, series: Blocked, sizes: Sequence[int]) -> None:
        self.count = len(sizes)
        self.once = np.ones((1, self.count), np.int64)
        self._sizes = np.asarray(sizes)
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
