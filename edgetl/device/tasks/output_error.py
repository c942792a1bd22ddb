"""How far an output is off, by how much it varies over the samples: gates and reports mean the same."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgetl.tensors import Array

_Z_ONE_SIDED = 1.6448536269514722


def output_error(reference: Array, candidate: Array) -> tuple[float, float]:
    """Root mean square of the differences by the deviation of the reference, and its one-sided 95 % bound.

    The deviation is over the samples: the square root of the variance of each entry, summed over the entries. The bound
    is that of a ratio of means by the delta method (Cochran, Sampling Techniques, 1977, section 6.4), of the squares.

    Args:
        reference: of shape ``(n, ...)``, as the candidate; at least one sample, and no NaN nor infinity in either.

    Returns:
        Both are infinite for one sample, or where the reference is the same for all, unless the candidate equals it.
    """
    noise, power = _squares(reference, candidate)
    if not noise.any():
        return 0.0, 0.0
    if not power.any():
        return math.inf, math.inf
    ratio = noise.sum() / power.sum()
    spread = float(np.std(noise - ratio * power, ddof=1)) / float(power.mean())
    return math.sqrt(ratio), math.sqrt(ratio + _Z_ONE_SIDED * spread / math.sqrt(len(noise)))


def _squares(reference: Array, candidate: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Noise of each sample, and what the reference varies there: squares summed over the entries, ``(n,)`` each.

    What is the same in all samples says nothing of any of them, and in a large offset any error would drown. So each
    entry counts by its distance from its mean over the samples; the sums are larger by ``n / (n - 1)``, because that
    mean is of the same samples.
    """
    values, others = (array.reshape(len(array), -1).astype(np.float64) for array in (reference, candidate))
    noise, n = np.square(values - others).sum(axis=1), len(values)
    return noise, np.square(values - values.mean(axis=0)).sum(axis=1) * (n / max(n - 1, 1))
