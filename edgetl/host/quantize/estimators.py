"""How much of what was seen a quantized tensor shall represent: functions from a histogram to a range."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from edgetl.host.quantize.histogram import TensorRange

PERCENTILE = 99.99
"""Per cent of the values that ``percentile`` keeps; what is cut is cut in halves, one at each end."""
LEVELS = 255
"""Steps of an 8-bit range."""
_SHRINK = np.linspace(1.0, 0.3, 36)


def minmax(seen: TensorRange) -> tuple[float, float]:
    """Everything that was seen."""
    return seen.low, seen.high


def percentile(seen: TensorRange) -> tuple[float, float]:
    """All but the outermost values."""
    tail = (1.0 - PERCENTILE / 100.0) / 2.0
    return seen.quantile(tail), seen.quantile(1.0 - tail)


def mse(seen: TensorRange) -> tuple[float, float]:
    """The range with the smallest mean squared error of clipping plus rounding to 8 bits.

    References:
        Nagel et al., "A White Paper on Neural Network Quantization", 2021 (arXiv:2106.08295), section 3.1.
    """
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    # the ends are searched one after the other, since the tails of an activation differ
    for _ in range(2):
        high = min((high * share for share in _SHRINK), key=lambda end: _error(seen, low, end)) if high > 0 else high
        low = min((low * share for share in _SHRINK), key=lambda end: _error(seen, end, high)) if low < 0 else low
    return low, high


def _error(seen: TensorRange, low: float, high: float) -> float:
    step = (high - low) / LEVELS
    if step <= 0:
        return float(np.sum(seen.counts * seen.centres**2))
    values: NDArray[np.float64] = seen.centres
    rounded = np.clip(np.round(values / step), np.round(low / step), np.round(high / step)) * step
    return float(np.sum(seen.counts * (values - rounded) ** 2))


ESTIMATORS: Mapping[str, Callable[[TensorRange], tuple[float, float]]] = {
    "minmax": minmax,
    "percentile": percentile,
    "mse": mse,
}
