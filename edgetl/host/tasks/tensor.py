"""Models without labels: nothing to train."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edgetl.errors import Unsupported


@dataclass(frozen=True)
class TensorTask:
    """A user's own model, taken as it is."""

    name: str = "tensor"

    def loss(self, logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Refuse: there are no labels.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("task 'tensor' has no labels to train on; use task 'classify' with labelled data")


TASK = TensorTask()
