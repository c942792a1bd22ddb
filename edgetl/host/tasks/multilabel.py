"""Several labels per image on the host: what training minimises, and where thresholds lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edgetl.device.tasks.multilabel import DEFAULT_THRESHOLD, sigmoid

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
        """For each class the probability above which giving it has the best F1 on these samples.

        References:
            Lipton, Elkan and Naryanaswamy, "Optimal Thresholding of Classifiers to Maximize F1 Measure", 2014.
        """
        return tuple(_best_threshold(logits[:, i].astype(np.float64), truth[:, i]) for i in range(truth.shape[1]))


TASK = Multilabel()


def _best_threshold(logits: NDArray[np.float64], truth: Truth) -> float:
    """Halfway between two neighbouring logits, where the next sample is as far away as it can be."""
    if not truth.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-logits, kind="stable")
    ranked = logits[order]
    given = np.arange(1, len(ranked) + 1)
    f1 = 2 * np.cumsum(truth[order]) / (given + truth.sum())
    below = np.append(ranked[1:], ranked[-1] - 1.0)
    f1[ranked == below] = -1.0  # equal logits are given together
    cuts = sigmoid((ranked + below) / 2)
    best = np.flatnonzero(f1 == f1.max())
    return float(cuts[best[np.argmin(np.abs(cuts[best] - DEFAULT_THRESHOLD))]])
