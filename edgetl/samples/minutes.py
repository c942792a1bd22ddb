"""A long run's first minute against its last: what heat does."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True)
class Minutes:
    """Medians of the first and of the last minute of a run, in nanoseconds."""

    first_ns: float
    last_ns: float

    @property
    def ratio(self) -> float:
        """Last over first; above 1 the device became slower."""
        return self.last_ns / self.first_ns


def first_and_last_minute(
    samples_ns: Sequence[int], blocks: Sequence[int], block_starts_ns: Sequence[int]
) -> Minutes | None:
    """Medians of the blocks that began in the first minute of a run, and in the last.

    Args:
        samples_ns: all samples, in time order.
        blocks: lengths of the blocks; they add up to the number of samples.
        block_starts_ns: when each block began, ascending.

    Returns:
        ``None`` when the minutes would overlap, or no start was recorded, or one of the two has no sample.
    """
    if not block_starts_ns or block_starts_ns[-1] - block_starts_ns[0] < 2 * _MINUTE_NS:
        return None
    started = np.repeat(np.asarray(block_starts_ns, dtype=np.int64), blocks)
    samples = np.asarray(samples_ns, dtype=np.int64)
    first = samples[started < block_starts_ns[0] + _MINUTE_NS].tolist()
    last = samples[started > block_starts_ns[-1] - _MINUTE_NS].tolist()
    return Minutes(statistics.median(first), statistics.median(last)) if first and last else None
