"""From logits to probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetl.tensors import Array

DEFAULT_THRESHOLD = 0.5
"""Probability above which a class is given, unless data says otherwise."""


def softmax(logits: Array) -> NDArray[np.float64]:
    """Probabilities of shape ``(n, classes)`` from logits of that shape."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(shifted)
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def sigmoid(logits: Array) -> NDArray[np.float64]:
    """Probabilities from logits of the same shape."""
    # one of two forms that never overflow; which one is the sign's choice
    small = np.exp(-np.abs(logits.astype(np.float64)))
    return np.asarray(np.where(logits >= 0, 1.0, small) / (1.0 + small))
