"""The host half of each task: what training minimises."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray


class HostTask(Protocol):
    """What training needs to know of a task."""

    name: str

    def targets(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
        """Labels ``(n,)`` as soft targets ``(n, classes)``."""

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Weighted mean loss.

        Args:
            logits: ``(n, classes)``.
            targets: ``(n, classes)``, from 0 to 1.
            weights: ``(n,)``; their scale does not matter.
        """

    def score(self, logits: torch.Tensor, targets: torch.Tensor) -> float:
        """Fraction of right predictions, for the training curve."""
