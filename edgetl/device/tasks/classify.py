"""One label per image."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgetl.check import Check
from edgetl.decisions import Decisions
from edgetl.device.tasks import Pair
from edgetl.device.tasks.classification_metrics import metrics
from edgetl.device.tasks.classify_decisions import Answers, decisions
from edgetl.device.tasks.probabilities import softmax
from edgetl.device.tasks.statistics import drop_check
from edgetl.errors import DataError, Unsupported
from edgetl.evaluation import Metrics
from edgetl.gates import Gates
from edgetl.golden import Label
from edgetl.tensors import Array, Batch

LOGITS = "logits"
"""The output a classifier must have: float of shape ``(n, classes)``."""


class Prediction(msgspec.Struct, frozen=True):
    """What a classifier says of one image."""

    label: str
    score: float
    """Probability of ``label``, as the model sees it."""
    scores: dict[str, float]
    """Probability of every class, the most probable first."""
    index: int
    """Place of ``label`` among the classes."""


class ClassifyTask:
    """Takes the class with the largest logit."""

    name = "classify"
    labelled = True

    def with_thresholds(self, thresholds: tuple[float, ...]) -> ClassifyTask:
        """Itself: the largest logit needs no threshold.

        Raises:
            Unsupported: there are some all the same.
        """
        if thresholds:
            raise Unsupported("task 'classify' decides without thresholds, but the bundle carries some; make it again")
        return self

    def truth(self, labels: Sequence[Label], classes: int) -> NDArray[np.int64]:
        """The class of each sample, ``(n,)``.

        Raises:
            DataError: a sample has several labels.
        """
        several = next((label for label in labels if not isinstance(label, int)), None)
        if several is not None:
            raise DataError(
                f"task 'classify' takes one label for each sample, a sample has the labels {several}; give 'label' "
                "instead of 'labels', or choose kind = \"multilabel\" in [task]"
            )
        return np.array(labels, dtype=np.int64)

    def decisions(self, outputs: Batch) -> NDArray[np.int64]:
        """The class of each sample; -1 where the logits are not finite, so that it is never right."""
        logits = logits_of(outputs)
        finite = np.isfinite(logits).all(axis=1)
        return np.where(finite, np.argmax(logits, axis=1), -1).astype(np.int64)

    def hits(self, outputs: Batch, truth: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each sample's decision is right."""
        return np.equal(self.decisions(outputs), truth)

    def metrics(self, outputs: Batch, truth: NDArray[np.int64], classes: tuple[str, ...], seed: int) -> Metrics:
        """Accuracy first, then balanced accuracy, macro F1, AUROC where it exists, and calibration error.

        Raises:
            Unsupported: there are no samples, or logits, labels and classes do not go together.
        """
        logits = finite(logits_of(outputs))
        _check_shape(logits, truth, classes)
        return metrics(softmax(logits), np.asarray(truth, dtype=np.int64), classes, seed)

    def drop(self, name: str, pair: Pair, gates: Gates, least: int = 0) -> Check:
        """Judge the drop of accuracy, sample by sample: see :func:`drop_check`."""
        return drop_check(
            name, self.hits(pair.reference, pair.truth), self.hits(pair.candidate, pair.truth), gates, least
        )

    def compare(self, pair: Pair, classes: tuple[str, ...], seed: int) -> Decisions:
        """Flips, recall of each class, scores, calibration and, of two classes, the threshold.

        Raises:
            Unsupported: logits are not finite, or logits, labels and classes do not go together.
        """
        reference, candidate = (finite(logits_of(outputs)) for outputs in (pair.reference, pair.candidate))
        for logits in (reference, candidate):
            _check_shape(logits, pair.truth, classes)
        return decisions(Answers(reference, candidate, pair.truth), classes, seed)

    def predictions(self, outputs: Batch, classes: tuple[str, ...]) -> list[Prediction]:
        """The label and the probabilities of each sample.

        Raises:
            Unsupported: the logits are not finite, or not one for each class.
        """
        logits = finite(logits_of(outputs))
        if logits.shape[1] != len(classes):
            raise Unsupported(f"the model tells {logits.shape[1]} classes apart, the bundle names {len(classes)}")
        return [_prediction(row, classes) for row in softmax(logits)]


TASK = ClassifyTask()


def logits_of(outputs: Batch) -> Array:
    """The logits among a model's outputs.

    Raises:
        Unsupported: there are none, or they are not float of shape ``(n, classes)``.
    """
    logits = outputs.get(LOGITS)
    if logits is None or logits.ndim != 2 or logits.dtype.kind != "f" or not logits.shape[1]:
        found = "; ".join(f"{name}: {array.dtype} {array.shape}" for name, array in outputs.items())
        raise Unsupported(
            f"a classifier needs one output {LOGITS!r}, float of shape (n, classes); the model gives {found}"
        )
    return logits


def finite(logits: Array) -> Array:
    """The logits themselves.

    Raises:
        Unsupported: some are NaN or infinite.
    """
    bad = int(np.count_nonzero(~np.isfinite(logits).all(axis=1)))
    if bad:
        raise Unsupported(
            f"logits of {bad} of {len(logits)} samples are NaN or infinite; the model or the runtime computes "
            "wrongly here, choose another candidate with: edgetl qualify BUNDLE -o RESULT.json"
        )
    return logits


def _check_shape(logits: Array, truth: NDArray[np.int64], classes: tuple[str, ...]) -> None:
    if logits.shape != (len(truth), len(classes)) or not len(truth):
        expected = f"({len(truth)}, {len(classes)})"
        raise Unsupported(f"logits have shape {logits.shape}, expected {expected} and at least one sample")
    if truth.min() < 0 or truth.max() >= len(classes):
        raise Unsupported(f"labels go from {truth.min()} to {truth.max()}, expected 0 to {len(classes) - 1}")


def _prediction(probabilities: NDArray[np.float64], classes: tuple[str, ...]) -> Prediction:
    ranked = np.argsort(-probabilities, kind="stable").tolist()
    values = probabilities.tolist()
    best = ranked[0]
    return Prediction(classes[best], values[best], {classes[index]: values[index] for index in ranked}, best)
