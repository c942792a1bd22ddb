"""Models without labels: nothing to train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edgetl.errors import Unsupported

_NO_LABELS = Unsupported("task 'tensor' has no labels to train on; use task 'classify' with labelled data")


@dataclass(frozen=True)
class TensorTask:
    """A user's own model, taken as it is."""

    name: str = "tensor"

    def targets(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
        """Refuse: there are no labels.

        Raises:
            Unsupported: always.
        """
        raise _NO_LABELS

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Refuse: there are no labels.

        Raises:
            Unsupported: always.
        """
        raise _NO_LABELS

    def score(self, logits: torch.Tensor, targets: torch.Tensor) -> float:
        """Refuse: there are no labels.

        Raises:
            Unsupported: always.
        """
        raise _NO_LABELS


TASK = TensorTask()
