"""Several labels per image on the host: what training minimises, and where thresholds lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edgetl.device.tasks.thresholds import f1_thresholds

Floats = NDArray[np.float32]
Truth = NDArray[np.int64]


@dataclass(frozen=True)
class Multilabel:
    """Binary cross-entropy of every class by itself (binary relevance)."""

    name: str = "multilabel"
    trainable: bool = True
    thresholded: bool = True

    def targets(self, labels: Truth, classes: int) -> Floats:
        """1 where a sample has a class, else 0, ``(n, classes)``, from the device half's ``truth``."""
        return labels.reshape(-1, classes).astype(np.float32)

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Weighted mean binary cross-entropy.

        Args:
            logits: ``(n, classes)``.
            targets: ``(n, classes)``, from 0 to 1.
            weights: ``(n,)`` or ``(n, classes)``; their scale does not matter.
        """
        losses = functional.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none")
        weights = weights.reshape(len(weights), -1).expand_as(losses)
        return (losses * weights).sum() / weights.sum()

    def balanced(self, targets: Floats, weights: Floats) -> Floats:
        """Each sample's weight times the inverse frequency of having, or not having, each class, ``(n, classes)``."""
        having = (targets * weights[:, None]).sum(axis=0)
        frequency = np.where(targets > 0, having, weights.sum() - having)
        return np.asarray(weights[:, None] * weights.sum() / (2 * np.maximum(frequency, 1e-6)), np.float32)

    def score(self, logits: torch.Tensor, targets: torch.Tensor) -> float:
        """Fraction of right decisions at a probability of one half, over samples and classes."""
        return float(((logits > 0) == (targets > 0.5)).double().mean())

    def regressions(self, truth: Truth) -> tuple[Truth, ...]:
        """One regression per class, that class against the rest."""
        return tuple(np.ascontiguousarray(column) for column in truth.T)

    def log_loss(self, logits: Floats, truth: Truth) -> float:
        """Mean over samples and classes of the negative log probability that a class is, or is not, there."""
        signed = np.where(truth == 1, logits, -logits).astype(np.float64)
        return float(np.logaddexp(0.0, -signed).mean())

    def thresholds(self, logits: Floats, truth: Truth) -> tuple[float, ...]:
        """For each class the probability above which giving it has the best F1 on these samples."""
        return f1_thresholds(logits, truth)


TASK = Multilabel()
