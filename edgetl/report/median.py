"""How well samples pin their median down."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from edgetl.measurement import supports

_Z = 1.959964
"""Of a two-sided 95 % interval."""


def median_interval(samples: npt.NDArray[np.int64]) -> tuple[int, int] | None:
    """The 95 % interval of the median from order statistics, in the unit of ``samples``.

    Ranks ``n / 2 -/+ 1.96 sqrt(n) / 2``, for any distribution of independent samples (Conover, Practical Nonparametric
    Statistics, 1999; Campbell and Gardner 1988). ``None`` where there are too few samples for a median.
    """
    n = len(samples)
    if not supports(n, 50.0):
        return None
    reach = _Z * math.sqrt(n) / 2
    low, high = max(math.floor(n / 2 - reach), 1), min(math.ceil(1 + n / 2 + reach), n)
    ordered = np.partition(samples, (low - 1, high - 1))
    return int(ordered[low - 1]), int(ordered[high - 1])
