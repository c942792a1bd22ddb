"""A classifier against its reference: what changes for whoever acts on its answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.decisions import Decisions, RecallDrop, Refit, Shift
from edgetl.device.tasks.bootstrap import Floats
from edgetl.device.tasks.calibration import ONE_OF_SEVERAL, Scored, calibration
from edgetl.device.tasks.cross_fit import SAMPLES_MIN, Places, cross_fitted
from edgetl.device.tasks.flips import Hits, flips, kinds_of_flips, recall_drop
from edgetl.device.tasks.probabilities import DEFAULT_THRESHOLD, softmax
from edgetl.device.tasks.shifts import TOP, TRUE, shifts
from edgetl.device.tasks.statistics import drop_interval
from edgetl.device.tasks.thresholds import accuracy_thresholds, decided
from edgetl.interval import Interval
from edgetl.tensors import Array

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Finite logits of both, ``(n, classes)``, and the true class of each sample, ``(n,)``."""

    reference: Array
    candidate: Array
    truth: Labels

    @property
    def hits(self) -> Hits:
        """Whether the class with the largest logit is right."""
        said = (np.argmax(logits, axis=1) == self.truth for logits in (self.reference, self.candidate))
        return Hits(*said)


def decisions(answers: Answers, classes: tuple[str, ...], seed: int) -> Decisions:
    """Flips, recall of each class, scores, calibration and, of two classes, the threshold.

    Args:
        answers: at least one.
        classes: names, in the order of the logits.
        seed: of folds and bootstrap.
    """
    hits, truth = answers.hits, answers.truth
    before, after = (np.argmax(logits, axis=1) for logits in (answers.reference, answers.candidate))
    scored = _scored(answers.reference, truth), _scored(answers.candidate, truth)
    return Decisions(
        n=len(truth),
        flips=flips(before, after, hits, kinds_of_flips(before, after, classes, hits)),
        recalls=tuple(_recall(label, hits, truth == place) for place, label in enumerate(classes) if place in truth),
        shifts=_shifts(softmax(answers.reference), softmax(answers.candidate), truth),
        calibration=calibration(*scored, seed),
        refit=_refit(answers, seed) if len(classes) == 2 and len(truth) >= SAMPLES_MIN else None,
    )


def _recall(label: str, hits: Hits, own: NDArray[np.bool_]) -> RecallDrop:
    return recall_drop(label, Hits(hits.reference[own], hits.candidate[own]))


def _shifts(reference: Floats, candidate: Floats, truth: Labels) -> tuple[Shift, ...]:
    rows = np.arange(len(truth))
    true = reference[rows, truth], candidate[rows, truth]
    return shifts({TOP: (reference.max(axis=1), candidate.max(axis=1)), TRUE: true})


def _scored(logits: Array, truth: Labels) -> Scored:
    return Scored(logits, (truth[:, None] == np.arange(logits.shape[1])).astype(np.float64), ONE_OF_SEVERAL)


def _refit(answers: Answers, seed: int) -> Refit:
    """The probability of the second class above which it is given; half of it is what the largest logit means."""
    # the sigmoid of the difference of two logits is their softmax
    margin = (answers.candidate[:, 1] - answers.candidate[:, 0])[:, None]
    second = (answers.truth == 1).astype(np.int64)[:, None]

    def judge(fitting: Places, judged: Places) -> Array:
        return decided(margin[judged], accuracy_thresholds(margin[fitting], second[fitting]))

    n = len(margin)
    hits = Hits(answers.hits.candidate, (cross_fitted(n, seed, judge) == second)[:, 0])
    lost, won = int(hits.lost.sum()), int(hits.won.sum())
    gain = Interval("accuracy", (won - lost) / n, drop_interval(won, lost, n), n)
    return Refit((DEFAULT_THRESHOLD,), accuracy_thresholds(margin, second), gain)
