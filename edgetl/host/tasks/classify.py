"""Classification on the host: what training minimises."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Classify:
    """Cross-entropy over classes, each sample weighted."""

    name: str = "classify"

    def loss(self, logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Weighted mean cross-entropy.

        Args:
            logits: ``(n, classes)``.
            labels: ``(n,)`` int64.
            weights: ``(n,)``; their scale does not matter.
        """
        losses = functional.cross_entropy(logits, labels, reduction="none")
        return (losses * weights).sum() / weights.sum()


TASK = Classify()
