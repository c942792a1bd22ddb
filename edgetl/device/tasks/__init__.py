"""The device half of each task: decisions, metrics, and what a prediction is."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetl.evaluation import Metrics
from edgetl.tensors import Batch


class DeviceTask(Protocol):
    """What a task knows about a model's outputs; one implementation for every runner."""

    name: str
    labelled: bool
    """Whether samples have labels, so that accuracy can be judged."""

    def decisions(self, outputs: Batch) -> NDArray[np.int64]:
        """The decision taken for each sample, for counting flips."""

    def hits(self, outputs: Batch, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each sample's decision is right."""

    def metrics(self, outputs: Batch, labels: NDArray[np.int64], classes: tuple[str, ...], seed: int) -> Metrics:
        """Every metric of the task, headline first, with bootstrap intervals.

        Raises:
            Unsupported: the task has no labels.
        """

    def predictions(self, outputs: Batch, classes: tuple[str, ...]) -> list[Any]:
        """One prediction per sample."""
