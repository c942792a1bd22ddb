"""The host half of each task: what training minimises, and what it chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


class HostTask(Protocol):
    """What a task knows about fitting a model.

    ``truth`` is what the device half's ``truth`` makes of labels: ``(n,)`` or ``(n, classes)``.
    """

    name: str
    trainable: bool
    """Whether a model can be trained for it here."""
    thresholded: bool
    """Whether decisions need thresholds that are chosen on data."""

    def targets(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
        """What is true, as 0 and 1 of shape ``(n, classes)``."""

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """What training minimises: a scalar, the mean weighted by ``weights``.

        Args:
            logits: ``(n, classes)``.
            targets: ``(n, classes)``, from 0 to 1.
            weights: of samples, ``(n,)``, or what :meth:`balanced` makes of them; their scale does not matter.
        """

    def balanced(self, targets: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weights under which every class counts the same in the loss, whatever its frequency.

        Args:
            targets: of all training samples, ``(n, classes)``.
            weights: of the samples, ``(n,)``.

        Returns:
            Rows for the samples: ``(n,)``, or ``(n, classes)`` where classes are decided one by one.
        """

    def score(self, logits: torch.Tensor, targets: torch.Tensor) -> float:
        """Fraction of right decisions, for the training curve."""

    def regressions(self, truth: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """Targets of the logistic regressions that a linear head is made of, ``(n,)`` each."""

    def log_loss(self, logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
        """Mean negative log probability of what is true, for logits ``(n, classes)``."""

    def thresholds(self, logits: NDArray[np.float32], truth: NDArray[np.int64]) -> tuple[float, ...]:
        """Thresholds for decisions, one per class, chosen on these samples; none where the task needs none."""
