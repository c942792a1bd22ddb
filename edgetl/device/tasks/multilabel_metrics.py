"""Metrics of a model that gives several labels, with intervals, written once for every runner.

References:
    Tsoumakas, Katakis and Vlahavas (2010), Mining multi-label data, Data Mining and Knowledge Discovery Handbook:
    macro-averaged F1 and subset accuracy.
    Everingham et al. (2010), The PASCAL Visual Object Classes challenge, IJCV 88: mean average precision; here the area
    is the sum over positives of their precision, without interpolation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetl.device.tasks.bootstrap import Floats, Statistic, bootstrap, mean_of_defined, ratio
from edgetl.device.tasks.class_scores import class_scores
from edgetl.device.tasks.statistics import wilson
from edgetl.evaluation import Interval, Metrics

Decided = NDArray[np.int64]


def metrics(probabilities: Floats, decided: Decided, truth: Decided, classes: tuple[str, ...], seed: int) -> Metrics:
    """Every metric of a model that gives several labels.

    Args:
        probabilities: shape ``(n, classes)``.
        decided: 1 where a class is given, else 0; the same shape.
        truth: 1 where a sample has a class, else 0; the same shape.
        classes: names, in the order of the columns.
        seed: of the bootstrap.

    Returns:
        Macro F1 and mean average precision with bootstrap percentile intervals (each over the classes for which it is
        defined), subset accuracy with Wilson's. Macro F1 is 0 where no class occurs and none is given.
    """
    n, hits = len(truth), int(np.count_nonzero((decided == truth).all(axis=1)))
    given = decided == 1
    statistics: dict[str, Statistic] = {
        "macro F1": macro_f1(decided, truth),
        "mean average precision": _mean_average_precision(probabilities, truth),
    }
    found = {interval.metric: interval for interval in bootstrap(statistics, (n, len(classes)), seed)}
    headline = found.pop("macro F1", Interval("macro F1", 0.0, (0.0, 1.0), n))
    return Metrics(
        values=(headline, *found.values(), Interval("subset accuracy", hits / n, wilson(hits, n), n)),
        per_class=class_scores(classes, truth.sum(axis=0), given.sum(axis=0), (given & (truth == 1)).sum(axis=0)),
    )


def macro_f1(decided: Decided, truth: Decided) -> Statistic:
    """Mean F1 of the classes that occur or are given."""
    hit, both = _counted(decided, truth)
    return lambda weights: mean_of_defined(ratio(2 * (hit.T @ weights), both.T @ weights))


def step_of_f1(decided: Decided, truth: Decided) -> Floats:
    """How much of macro F1 is lost when one right decision for a class is not taken any more, per class that has one.

    Returns:
        Shape ``(classes with a right decision,)``, each a fraction of macro F1.
    """
    hit, both = (array.sum(axis=0) for array in _counted(decided, truth))
    right = hit > 0
    hit, defined = hit[right], max(int(np.count_nonzero(both)), 1)
    before, after = 2 * hit / both[right], 2 * (hit - 1) / np.maximum(both[right] - 1, 1)
    return np.asarray((before - after) / defined)


def _counted(decided: Decided, truth: Decided) -> tuple[Floats, Floats]:
    """Right decisions, and labels plus decisions, ``(n, classes)`` each: F1 is twice the first by the second."""
    given, true = (decided == 1).astype(np.float64), truth.astype(np.float64)
    return given * true, given + true


def _mean_average_precision(probabilities: Floats, truth: Decided) -> Statistic:
    averages = [_average_precision(probabilities[:, i], truth[:, i] == 1) for i in range(truth.shape[1])]
    return lambda weights: mean_of_defined(np.stack([average(weights) for average in averages]))


def _average_precision(scores: Floats, positive: NDArray[np.bool_]) -> Statistic:
    """Mean over positives of the precision among all samples that score as high; ties are taken together."""
    order = np.argsort(-scores, kind="stable")
    positives = np.flatnonzero(positive[order])
    last = np.searchsorted(-scores[order], -scores[order][positives], "right") - 1

    def average(weights: Floats) -> Floats:
        drawn = weights[order]
        true = drawn * positive[order][:, None]
        precision = ratio(np.cumsum(true, axis=0)[last], np.cumsum(drawn, axis=0)[last])
        return ratio(np.nansum(precision * drawn[positives], axis=0), true.sum(axis=0))

    return average
