"""Where to draw the line between giving a class and not giving it.

References:
    Lipton, Elkan and Naryanaswamy (2014), Optimal thresholding of classifiers to maximize F1 measure, ECML PKDD.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgetl.device.tasks.bootstrap import Floats
from edgetl.device.tasks.probabilities import DEFAULT_THRESHOLD, sigmoid
from edgetl.tensors import Array

Truth: TypeAlias = NDArray[np.int64]
Worth: TypeAlias = Callable[[Floats, Floats, int], Floats]
"""Of right decisions, given ones, and positives, what giving that many is worth."""


def f1_thresholds(logits: Array, truth: Truth) -> tuple[float, ...]:
    """For each class the probability above which giving it has the best F1 on these samples.

    Args:
        logits: ``(n, classes)``.
        truth: 1 where a sample has a class, else 0, the same shape.
    """
    return _thresholds(logits, truth, lambda hit, given, positives: 2 * hit / (given + positives))


def accuracy_thresholds(logits: Array, truth: Truth) -> tuple[float, ...]:
    """For each class the probability above which giving it is right most often on these samples."""
    return _thresholds(logits, truth, lambda hit, given, positives: 2 * hit - given)


def decided(logits: Array, thresholds: Sequence[float]) -> Truth:
    """1 where the sigmoid of a logit is above the threshold of its class, else 0; ``(n, classes)``."""
    return np.asarray(sigmoid(logits) > np.array(thresholds, np.float64), np.int64)


def _thresholds(logits: Array, truth: Truth, worth: Worth) -> tuple[float, ...]:
    return tuple(_best(logits[:, place], truth[:, place], worth) for place in range(truth.shape[1]))


def _best(logits: Array, truth: Truth, worth: Worth) -> float:
    """Halfway between two neighbouring logits, where the next sample is as far away as it can be."""
    if not truth.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-logits, kind="stable")
    ranked = logits[order].astype(np.float64)
    edges = np.concatenate([[ranked[0] + 1.0], ranked, [ranked[-1] - 1.0]])
    hit = np.concatenate([[0.0], np.cumsum(truth[order])])
    values = worth(hit, np.arange(len(edges) - 1.0), int(truth.sum()))
    # equal logits are given together
    values = np.where(edges[:-1] == edges[1:], -np.inf, values)
    cuts = sigmoid((edges[:-1] + edges[1:]) / 2)
    best = np.flatnonzero(values == values.max())
    return float(cuts[best[np.argmin(np.abs(cuts[best] - DEFAULT_THRESHOLD))]])
