"""The device half of each task: decisions, metrics, and what a prediction is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetl.bundle import Manifest
from edgetl.check import Check
from edgetl.decisions import Decisions
from edgetl.evaluation import Metrics
from edgetl.gates import Gates
from edgetl.golden import Label
from edgetl.plugins import find_task
from edgetl.tensors import Batch


@dataclass(frozen=True)
class Pair:
    """Outputs of a reference and of a candidate for the same samples, and what is true of these."""

    reference: Batch
    candidate: Batch
    truth: NDArray[np.int64]


class DeviceTask(Protocol):
    """What a task knows about a model's outputs; one implementation for every runner."""

    name: str
    labelled: bool
    """Whether samples have labels, so that accuracy can be judged."""

    def with_thresholds(self, thresholds: tuple[float, ...]) -> DeviceTask:
        """The same task with the thresholds that a bundle carries; none leaves it as it is.

        Raises:
            Unsupported: the task decides without thresholds.
        """

    def truth(self, labels: Sequence[Label], classes: int) -> NDArray[np.int64]:
        """Labels of samples as the array that ``hits``, ``metrics`` and ``drop`` take.

        Args:
            labels: of each sample.
            classes: how many there are.

        Raises:
            DataError: labels are of another kind than the task's.
            Unsupported: the task has no labels.
        """

    def decisions(self, outputs: Batch) -> NDArray[np.int64]:
        """The decisions taken for each sample ``(n, ...)``, for counting flips."""

    def hits(self, outputs: Batch, truth: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether everything that was decided for a sample is right, ``(n,)``."""

    def metrics(self, outputs: Batch, truth: NDArray[np.int64], classes: tuple[str, ...], seed: int) -> Metrics:
        """Every metric of the task, headline first, with bootstrap intervals.

        Raises:
            Unsupported: the task has no labels.
        """

    def drop(self, name: str, pair: Pair, gates: Gates, least: int = 0) -> Check:
        """Judge how much of the headline metric a candidate loses against its reference.

        Args:
            name: of the check.
            pair: both on the same samples.
            gates: the limits.
            least: decisions whose net loss is never too much for the point estimate.

        Raises:
            Unsupported: the task has no labels, or there are no samples.
        """

    def compare(self, pair: Pair, classes: tuple[str, ...], seed: int) -> Decisions:
        """What changes for whoever acts on the answers when the candidate takes the place of its reference.

        Args:
            pair: both on the same samples; without labels ``truth`` is not looked at.
            classes: names, in the order of the outputs.
            seed: of folds and bootstrap.

        Raises:
            Unsupported: outputs are not finite, or do not go together.
        """

    def predictions(self, outputs: Batch, classes: tuple[str, ...]) -> list[Any]:
        """One prediction per sample."""


def task_of(manifest: Manifest) -> DeviceTask:
    """The task of a bundle, with the thresholds that travel in it.

    Raises:
        Unsupported: a bundle of a task without thresholds has some.
    """
    task: DeviceTask = find_task(manifest.task, "device")
    return task.with_thresholds(manifest.thresholds)
