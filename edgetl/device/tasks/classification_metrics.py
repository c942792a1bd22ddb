"""Metrics of a classifier with intervals, written once for every runner.

References:
    Hanley and McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143: AUROC by ranks.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgetl.device.tasks.bootstrap import Floats, Statistic, bootstrap, mean_of_defined, ratio
from edgetl.device.tasks.calibration import ECE, calibration_error
from edgetl.device.tasks.class_scores import class_scores
from edgetl.device.tasks.statistics import wilson
from edgetl.evaluation import Interval, Metrics

Labels: TypeAlias = NDArray[np.int64]

_CONFUSION_CLASSES_MAX = 200


def metrics(probabilities: Floats, labels: Labels, classes: tuple[str, ...], seed: int) -> Metrics:
    """Every metric of a classifier.

    Args:
        probabilities: shape ``(n, classes)``.
        labels: shape ``(n,)``, each a place in ``classes``.
        classes: names, in the order of the columns.
        seed: of the bootstrap.

    Returns:
        Accuracy with Wilson's interval (a bootstrap of faultless predictions would have no width), the others with
        bootstrap percentile intervals. AUROC is left out when only one class occurs, the confusion above 200 classes.
    """
    predicted = np.argmax(probabilities, axis=1)
    hits = int(np.count_nonzero(predicted == labels))
    n = len(labels)
    statistics: dict[str, Statistic] = {
        "balanced accuracy": _balanced_accuracy(predicted, labels, len(classes)),
        "macro F1": _macro_f1(predicted, labels, len(classes)),
        "AUROC": _auroc(probabilities, labels),
        ECE: calibration_error(probabilities.max(axis=1)[:, None], (predicted == labels)[:, None].astype(np.float64)),
    }
    counts = (np.bincount(some, minlength=len(classes)) for some in (labels, predicted, labels[predicted == labels]))
    return Metrics(
        values=(Interval("accuracy", hits / n, wilson(hits, n), n), *bootstrap(statistics, (n, len(classes)), seed)),
        per_class=class_scores(classes, *counts),
        confusion=_confusion(predicted, labels, len(classes)),
    )


def _balanced_accuracy(predicted: Labels, labels: Labels, classes: int) -> Statistic:
    truth, hit = _one_hot(labels, classes), _one_hot(np.where(predicted == labels, labels, -1), classes)
    return lambda weights: mean_of_defined(ratio(hit.T @ weights, truth.T @ weights))


def _macro_f1(predicted: Labels, labels: Labels, classes: int) -> Statistic:
    both = _one_hot(labels, classes) + _one_hot(predicted, classes)
    hit = _one_hot(np.where(predicted == labels, labels, -1), classes)
    return lambda weights: mean_of_defined(ratio(2 * (hit.T @ weights), both.T @ weights))


def _auroc(probabilities: Floats, labels: Labels) -> Statistic:
    binary = probabilities.shape[1] == 2
    judged = [1] if binary else range(probabilities.shape[1])
    areas = [_area(probabilities[:, index], labels == index) for index in judged]
    return lambda weights: mean_of_defined(np.stack([area(weights) for area in areas]))


def _area(scores: Floats, positive: NDArray[np.bool_]) -> Statistic:
    """Chance that a positive sample scores higher than a negative one; a tie counts one half."""
    positives, negatives = np.flatnonzero(positive), np.flatnonzero(~positive)
    negatives = negatives[np.argsort(scores[negatives], kind="stable")]
    below = np.searchsorted(scores[negatives], scores[positives], "left")
    up_to = np.searchsorted(scores[negatives], scores[positives], "right")

    def area(weights: Floats) -> Floats:
        drawn = weights[positives]
        beaten = np.zeros((len(negatives) + 1, weights.shape[1]))
        np.cumsum(weights[negatives], axis=0, out=beaten[1:])
        won = np.einsum("ij,ij->j", drawn, beaten[below]) + np.einsum("ij,ij->j", drawn, beaten[up_to])
        return ratio(won / 2, drawn.sum(axis=0) * beaten[-1])

    return area


def _confusion(predicted: Labels, labels: Labels, classes: int) -> tuple[tuple[int, ...], ...]:
    if classes > _CONFUSION_CLASSES_MAX:
        return ()
    counts = np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    return tuple(tuple(row) for row in counts.tolist())


def _one_hot(values: Labels, classes: int) -> Floats:
    return np.asarray(values[:, None] == np.arange(classes), dtype=np.float64)
