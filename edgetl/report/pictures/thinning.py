"""Fewer points that look the same: the highest and the lowest of every stretch stay, so that no spike is lost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt


def thinned(values: Sequence[float] | npt.NDArray[Any], limit: int) -> npt.NDArray[np.int64]:
    """Places of at most ``limit`` (2 or more) values, in order: the minimum and the maximum of equal stretches.

    The minimum-maximum decimation of oscilloscopes; the first of equal values stands for all.
    """
    array = np.asarray(values)
    if len(array) <= limit:
        return np.arange(len(array))
    edges = np.linspace(0, len(array), limit // 2 + 1).astype(np.int64)
    kept = [start + found(array[start:end]) for start, end in pairwise(edges) for found in (np.argmin, np.argmax)]
    return np.unique(np.asarray(kept, np.int64))
