"""A model that gives several labels against its reference: what changes for whoever acts on its answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.decisions import Decisions, Flip, RecallDrop, Refit, Shift
from edgetl.device.tasks.bootstrap import Floats, bootstrap
from edgetl.device.tasks.calibration import EACH_BY_ITSELF, Scored, calibration
from edgetl.device.tasks.cross_fit import SAMPLES_MIN, Places, cross_fitted
from edgetl.device.tasks.flips import Hits, flips, kinds_of_flips, recall_drop
from edgetl.device.tasks.multilabel_metrics import macro_f1
from edgetl.device.tasks.probabilities import sigmoid
from edgetl.device.tasks.shifts import TOP, TRUE, shifts
from edgetl.device.tasks.thresholds import decided, f1_thresholds
from edgetl.tensors import Array

Given = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Finite logits of both, 1 where a sample has a class, else 0, ``(n, classes)`` each, and what both decide by."""

    reference: Array
    candidate: Array
    truth: Given
    thresholds: tuple[float, ...]
    are_chosen: bool
    """Whether the thresholds were chosen on data, for the reference."""


def decisions(answers: Answers, classes: tuple[str, ...], seed: int) -> Decisions:
    """Flips of each class, its recall, scores, calibration and thresholds.

    Args:
        answers: at least one.
        classes: names, in the order of the logits.
        seed: of folds and bootstrap.
    """
    truth = answers.truth
    before, after = (decided(logits, answers.thresholds) for logits in (answers.reference, answers.candidate))
    hits = Hits((before == truth).all(axis=1), (after == truth).all(axis=1))
    targets = truth.astype(np.float64)
    scored = (Scored(answers.reference, targets, EACH_BY_ITSELF), Scored(answers.candidate, targets, EACH_BY_ITSELF))
    return Decisions(
        n=len(truth),
        flips=flips(before, after, hits, tuple(_kinds(before, after, truth, classes))),
        recalls=tuple(_recalls(before, after, truth, classes)),
        shifts=_shifts(sigmoid(answers.reference), sigmoid(answers.candidate), truth),
        calibration=calibration(*scored, seed),
        refit=_refit(answers, seed) if len(truth) >= SAMPLES_MIN else None,
    )


def _kinds(before: Given, after: Given, truth: Given, classes: tuple[str, ...]) -> Iterator[Flip]:
    for place, label in enumerate(classes):
        columns = before[:, place], after[:, place]
        hits = Hits(*(column == truth[:, place] for column in columns))
        yield from kinds_of_flips(*columns, (f"not {label}", label), hits)


def _recalls(before: Given, after: Given, truth: Given, classes: tuple[str, ...]) -> Iterator[RecallDrop]:
    for place, label in enumerate(classes):
        own = truth[:, place] == 1
        if own.any():
            yield recall_drop(label, Hits(before[own, place] == 1, after[own, place] == 1))


def _shifts(reference: Floats, candidate: Floats, truth: Given) -> tuple[Shift, ...]:
    own = truth == 1
    return shifts({TOP: (reference.max(axis=1), candidate.max(axis=1)), TRUE: (reference[own], candidate[own])})


def _refit(answers: Answers, seed: int) -> Refit:
    truth = answers.truth

    def own(fitting: Places, judged: Places) -> Array:
        return decided(answers.candidate[judged], f1_thresholds(answers.candidate[fitting], truth[fitting]))

    def shared(fitting: Places, judged: Places) -> Array:
        # as honest as the other: thresholds that were chosen on the judged samples would have an advantage
        chosen = f1_thresholds(answers.reference[fitting], truth[fitting]) if answers.are_chosen else answers.thresholds
        return decided(answers.candidate[judged], chosen)

    n = len(truth)
    better, worse = (macro_f1(cross_fitted(n, seed, judge), truth) for judge in (own, shared))

    def difference(weights: Floats) -> Floats:
        # without any class there is nothing to gain
        return np.nan_to_num(better(weights)) - np.nan_to_num(worse(weights))

    gain = next(bootstrap({"macro F1": difference}, truth.shape, seed))
    return Refit(answers.thresholds, f1_thresholds(answers.candidate, truth), gain)
