"""Models without labels: nothing to train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edgetl.errors import Unsupported

_NOTHING_TO_TRAIN = "task 'tensor' has no labels to train on; use task 'classify' with labelled data"


@dataclass(frozen=True)
class TensorTask:
    """A user's own model, taken as it is; whatever training would ask for is refused (``Unsupported``)."""

    name: str = "tensor"
    trainable: bool = False
    thresholded: bool = False

    def targets(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
        """Refuse: there are no labels."""
        raise Unsupported(_NOTHING_TO_TRAIN)

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Refuse: there are no labels."""
        raise Unsupported(_NOTHING_TO_TRAIN)

    def balanced(self, targets: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Refuse: there are no labels."""
        raise Unsupported(_NOTHING_TO_TRAIN)

    def score(self, logits: torch.Tensor, targets: torch.Tensor) -> float:
        """Refuse: there are no labels."""
        raise Unsupported(_NOTHING_TO_TRAIN)

    def regressions(self, truth: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """Refuse: there are no labels."""
        raise Unsupported(_NOTHING_TO_TRAIN)

    def log_loss(self, logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
        """Refuse: there are no labels."""
        raise Unsupported(_NOTHING_TO_TRAIN)

    def thresholds(self, logits: NDArray[np.float32], truth: NDArray[np.int64]) -> tuple[float, ...]:
        """None: nothing is decided."""
        return ()


TASK = TensorTask()
