"""How much of what was seen a quantized tensor shall represent: functions from a histogram to a range."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from edgetl.host.quantize.histogram import TensorRange

PERCENTILE = 99.99
"""Per cent of the values that ``percentile`` keeps; what is cut is cut in halves, one at each end."""
LEVELS = 255
"""Steps of an 8-bit range."""
_SHRINK = np.linspace(1.0, 0.3, 36)
_SMALL = 1e-9
_CUT = np.linspace(1.0, 1 / 16, 61)
"""Shares of a range that ``entropy`` tries; the reference goes from 2,048 bins down to 128, too."""


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


def entropy(seen: TensorRange) -> tuple[float, float]:
    """The range whose quantized distribution tells least apart from what was seen (Kullback-Leibler divergence).

    Both ends are searched, one after the other, so that tensors with a long tail on one side lose only that.

    References:
        Migacz, "8-bit Inference with TensorRT", GTC 2017 (which searches one symmetric threshold).
    """
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    for _ in range(2):
        high = min((high * share for share in _CUT), key=lambda end: _divergence(seen, low, end)) if high > 0 else high
        low = min((low * share for share in _CUT), key=lambda end: _divergence(seen, end, high)) if low < 0 else low
    return low, high


def _divergence(seen: TensorRange, low: float, high: float) -> float:
    """Of the clipped distribution from the quantized one, in nats; what is clipped counts at the ends of the first."""
    # of the outermost bins no more is there than what was seen: their middle may lie beyond it
    counts, centres = _without_zeros(seen), np.clip(seen.centres, seen.low, seen.high)
    inside = (centres >= low) & (centres <= high)
    kept = counts[inside]
    if high <= low or not kept.any():
        return math.inf
    levels = np.round(centres[inside] * (LEVELS / (high - low))).astype(np.int64)
    levels -= levels[0]
    reached = np.bincount(levels, kept > 0)
    quantized = np.where(kept > 0, (np.bincount(levels, kept) / np.maximum(reached, 1))[levels], 0.0)
    clipped = kept.copy()
    clipped[0] += counts[centres < low].sum()
    clipped[-1] += counts[centres > high].sum()
    # values that are clipped into an empty bin are told apart with certainty: they have no finite divergence
    if np.any((clipped > 0) & (quantized == 0)):
        quantized = quantized + _SMALL * kept.sum()
    used = clipped > 0
    p, q = clipped[used] / clipped.sum(), quantized[used] / quantized.sum()
    return float(np.sum(p * np.log(p / q)))


def _without_zeros(seen: TensorRange) -> NDArray[np.float64]:
    """Counts, of which the bin that begins at zero has no more than the next: a ReLU's zeros are exact at any scale."""
    counts = seen.counts.astype(np.float64)
    zero = -seen.first
    if 0 <= zero < len(counts) - 1:
        counts[zero] = min(counts[zero], counts[zero + 1])
    return counts


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
    "entropy": entropy,
}
