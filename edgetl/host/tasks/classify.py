"""Classification on the host: what training minimises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional


@dataclass(frozen=True)
class Classify:
    """Cross-entropy over classes, each sample weighted."""

    name: str = "classify"
    trainable: bool = True
    thresholded: bool = False

    def targets(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
        """One-hot rows ``(n, classes)`` of labels ``(n,)``."""
        return np.eye(classes, dtype=np.float32)[labels]

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Weighted mean cross-entropy.

        Args:
            logits: ``(n, classes)``.
            targets: ``(n, classes)``, probabilities.
            weights: ``(n,)``; their scale does not matter.
        """
        losses = functional.cross_entropy(logits, targets, reduction="none")
        return (losses * weights).sum() / weights.sum()

    def balanced(self, targets: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each sample's weight times the inverse frequency of its class, ``(n,)``."""
        shares = (targets * weights[:, None]).sum(axis=0)
        per_class = shares.sum() / (len(shares) * np.maximum(shares, 1e-6))
        return np.asarray(weights * (targets @ per_class), np.float32)

    def score(self, logits: torch.Tensor, targets: torch.Tensor) -> float:
        """Fraction whose most likely class is the labelled one."""
        return float((logits.argmax(dim=1) == targets.argmax(dim=1)).double().mean())

    def regressions(self, truth: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """One multinomial regression over all classes."""
        return (truth,)

    def log_loss(self, logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
        """Mean negative log probability of the true classes under a softmax of ``logits`` ``(n, classes)``."""
        shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
        normaliser = np.log(np.exp(shifted).sum(axis=1))
        return float(np.mean(normaliser - shifted[np.arange(truth.size), truth]))

    def thresholds(self, logits: NDArray[np.float32], truth: NDArray[np.int64]) -> tuple[float, ...]:
        """None: the largest logit decides."""
        return ()


TASK = Classify()
