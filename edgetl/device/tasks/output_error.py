"""How far an output is off, by how much it varies over the samples: gates and reports mean the same."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgetl.device.tasks.statistics import drop_bound
from edgetl.tensors import Array

_Z_ONE_SIDED = 1.6448536269514722
_APART = 30.0
"""Rows whose deviations are so far apart are of different kinds, such as corners in pixels and scores up to 1."""
_DETECTIONS = 3


def output_error(reference: Array, candidate: Array) -> tuple[float, float]:
    """Root mean square of the differences by the deviation of the reference, and its one-sided 95 % bound.

    The deviation is over the samples: the square root of the variance of each entry, summed over the entries. The bound
    is that of a ratio of means by the delta method (Cochran, Sampling Techniques, 1977, section 6.4), of the squares.
    That knows nothing of what happened to no sample, which matters where few samples differ at all: of integers and
    booleans it is at least the bound of how many differ, as of decisions, each by as much as those that do (by one step
    where none does).
    Of an output that holds boxes and scores in one, ``(n, rows, boxes)`` or turned, the kind that is off most: in the
    pixels of the boxes any error of the scores would drown.

    Args:
        reference: of shape ``(n, ...)``, as the candidate; at least one sample, and no NaN nor infinity in either.

    Returns:
        Both are infinite for one sample, or where the reference is the same for all, unless the candidate equals it.
    """
    return max((_of_kind(reference[kind], candidate[kind]) for kind in kinds(reference)), key=lambda error: error[1])


def kinds(reference: Array) -> list[tuple[slice | NDArray[np.intp], ...]]:
    """Parts of an output whose entries are of one scale: all of it, or its rows above and below the widest gap."""
    if reference.ndim != _DETECTIONS:
        return [(slice(None),)]
    axis = 1 if reference.shape[1] <= reference.shape[2] else 2
    variances = reference.astype(np.float64).var(axis=0).mean(axis=2 - axis)
    deviations = np.sqrt(variances)
    order = np.argsort(deviations, kind="stable")
    varied = order[deviations[order] > 0]
    if len(varied) < 2:
        return [(slice(None),)]
    steps = deviations[varied[1:]] / deviations[varied[:-1]]
    widest = int(np.argmax(steps))
    if steps[widest] < _APART:
        return [(slice(None),)]
    high = np.sort(varied[widest + 1 :])
    low = np.setdiff1d(order, high)
    before = (slice(None),) * axis
    return [(*before, low), (*before, high)]


def goes_by_steps(output: Array) -> bool:
    """Whether an output is of integers or booleans, which most samples do not differ in at all."""
    return output.dtype.kind in "biu"


def _of_kind(reference: Array, candidate: Array) -> tuple[float, float]:
    noise, power = _squares(reference, candidate)
    if not power.any():
        return (math.inf, math.inf) if noise.any() else (0.0, 0.0)
    ratio = noise.sum() / power.sum()
    bound = ratio
    if noise.any():
        spread = float(np.std(noise - ratio * power, ddof=1)) / float(power.mean())
        bound = ratio + _Z_ONE_SIDED * spread / math.sqrt(len(noise))
    if goes_by_steps(reference):
        bound = max(bound, _of_steps(noise) / float(power.mean()))
    return math.sqrt(ratio), math.sqrt(bound)


def _of_steps(noise: NDArray[np.float64]) -> float:
    """How much noise samples may have, ``(n,)``, that only some have at all, by the bound of how many those are."""
    differ = noise > 0
    step = float(noise[differ].mean()) if differ.any() else 1.0
    return drop_bound(int(differ.sum()), 0, len(noise)) * step


def _squares(reference: Array, candidate: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Noise of each sample, and what the reference varies there: squares summed over the entries, ``(n,)`` each.

    What is the same in all samples says nothing of any of them, and in a large offset any error would drown. So each
    entry counts by its distance from its mean over the samples; the sums are larger by ``n / (n - 1)``, because that
    mean is of the same samples.
    """
    values, others = (array.reshape(len(array), -1).astype(np.float64) for array in (reference, candidate))
    noise, n = np.square(values - others).sum(axis=1), len(values)
    return noise, np.square(values - values.mean(axis=0)).sum(axis=1) * (n / max(n - 1, 1))
