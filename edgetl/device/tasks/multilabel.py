"""Several labels per image, possibly none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgetl.check import Check
from edgetl.decisions import Decisions
from edgetl.device.tasks import Pair
from edgetl.device.tasks.classify import LOGITS, finite, logits_of
from edgetl.device.tasks.multilabel_decisions import Answers, decisions
from edgetl.device.tasks.multilabel_drop import Compared, f1_drop
from edgetl.device.tasks.multilabel_metrics import metrics
from edgetl.device.tasks.probabilities import DEFAULT_THRESHOLD, sigmoid
from edgetl.device.tasks.thresholds import decided
from edgetl.errors import DataError, Unsupported
from edgetl.evaluation import Metrics
from edgetl.gates import Gates
from edgetl.golden import Label
from edgetl.tensors import Array, Batch

__all__ = ["LOGITS", "TASK", "MultilabelPrediction", "MultilabelTask"]


class MultilabelPrediction(msgspec.Struct, frozen=True):
    """What a model says of one image that may have several labels."""

    labels: tuple[str, ...]
    """Those whose probability is above their threshold, the most probable first; may be empty."""
    scores: dict[str, float]
    """Probability of every class, the most probable first; they do not add up to 1."""
    indices: tuple[int, ...]
    """Places of ``labels`` among the classes."""


@dataclass(frozen=True)
class MultilabelTask:
    """Gives every class whose probability, the sigmoid of its own logit, is above its own threshold."""

    thresholds: tuple[float, ...] = ()
    """One per class; without any, 0.5 for all."""
    name: str = "multilabel"
    labelled: bool = True

    def with_thresholds(self, thresholds: tuple[float, ...]) -> MultilabelTask:
        """The task with one threshold per class."""
        return replace(self, thresholds=thresholds)

    def truth(self, labels: Sequence[Label], classes: int) -> NDArray[np.int64]:
        """1 where a sample has a class, else 0, ``(n, classes)``.

        Raises:
            DataError: a sample has one label, not a tuple of them.
        """
        truth = np.zeros((len(labels), classes), np.int64)
        for row, label in zip(truth, labels, strict=True):
            if not isinstance(label, tuple):
                raise DataError(
                    f"task 'multilabel' takes any number of labels for each sample, one has the one label {label}; "
                    "give them as 'labels', a tuple of classes (a folder per class cannot say it, a function can), or "
                    'choose kind = "classify" in [task]'
                )
            row[list(label)] = 1
        return truth

    def decisions(self, outputs: Batch) -> NDArray[np.int64]:
        """1 where a class is given, else 0, ``(n, classes)``; -1 for all classes where the logits are not finite."""
        logits = logits_of(outputs)
        above = decided(logits, self._thresholds(logits.shape[1]))
        return np.where(np.isfinite(logits).all(axis=1, keepdims=True), above, -1).astype(np.int64)

    def hits(self, outputs: Batch, truth: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether exactly the right classes were given, ``(n,)``."""
        return np.asarray(np.equal(self.decisions(outputs), truth).all(axis=1))

    def metrics(self, outputs: Batch, truth: NDArray[np.int64], classes: tuple[str, ...], seed: int) -> Metrics:
        """Macro F1 first, then mean average precision, and the fraction of samples with exactly the right classes.

        Raises:
            Unsupported: there are no samples, or logits, labels and classes do not go together.
        """
        logits = finite(logits_of(outputs))
        _check_shape(logits, truth, classes)
        return metrics(sigmoid(logits), self.decisions(outputs), truth, classes, seed)

    def drop(self, name: str, pair: Pair, gates: Gates, least: int = 0) -> Check:
        """Judge the drop of macro F1, paired: see :func:`f1_drop`.

        Raises:
            Unsupported: logits are not finite, or the two are not of the same samples.
        """
        for outputs in (pair.reference, pair.candidate):
            finite(logits_of(outputs))
        compared = Compared(self.decisions(pair.reference), self.decisions(pair.candidate), pair.truth)
        return f1_drop(name, compared, gates, least)

    def compare(self, pair: Pair, classes: tuple[str, ...], seed: int) -> Decisions:
        """Flips of each class, its recall, scores, calibration and thresholds.

        Raises:
            Unsupported: logits are not finite, or logits, labels and classes do not go together.
        """
        reference, candidate = (finite(logits_of(outputs)) for outputs in (pair.reference, pair.candidate))
        for logits in (reference, candidate):
            _check_shape(logits, pair.truth, classes)
        thresholds = self._thresholds(len(classes))
        return decisions(Answers(reference, candidate, pair.truth, thresholds, bool(self.thresholds)), classes, seed)

    def predictions(self, outputs: Batch, classes: tuple[str, ...]) -> list[MultilabelPrediction]:
        """The labels and the probabilities of each sample.

        Raises:
            Unsupported: the logits are not finite, or not one for each class.
        """
        logits = finite(logits_of(outputs))
        if logits.shape[1] != len(classes):
            raise Unsupported(f"the model tells {logits.shape[1]} classes apart, the bundle names {len(classes)}")
        above = self.decisions(outputs)
        return [_prediction(scores, given, classes) for scores, given in zip(sigmoid(logits), above, strict=True)]

    def _thresholds(self, classes: int) -> tuple[float, ...]:
        if self.thresholds and len(self.thresholds) != classes:
            raise Unsupported(
                f"there are {len(self.thresholds)} thresholds for {classes} logits; expected one for each"
            )
        return self.thresholds or (DEFAULT_THRESHOLD,) * classes


TASK = MultilabelTask()


def _check_shape(logits: Array, truth: NDArray[np.int64], classes: tuple[str, ...]) -> None:
    if logits.shape != truth.shape or logits.shape[1] != len(classes) or not len(truth):
        raise Unsupported(
            f"logits have shape {logits.shape}, expected {truth.shape} for {len(classes)} classes and at least one "
            "sample"
        )


def _prediction(
    scores: NDArray[np.float64], given: NDArray[np.int64], classes: tuple[str, ...]
) -> MultilabelPrediction:
    ranked = np.argsort(-scores, kind="stable").tolist()
    values = scores.tolist()
    indices = tuple(index for index in ranked if given[index] == 1)
    return MultilabelPrediction(
        tuple(classes[index] for index in indices), {classes[index]: values[index] for index in ranked}, indices
    )
