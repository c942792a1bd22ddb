"""Whether scores are the probabilities they look like, and the temperature that comes closest.

References:
    Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, ICML: expected calibration error
    with 15 equal bins, and one temperature for all classes, fitted by log loss.
    Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning, AAAI: where
    that error comes from.
    Kumar, Liang and Ma (2019), Verified uncertainty calibration, NeurIPS: its upward bias on few samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgetl.decisions import Calibration
from edgetl.device.tasks.bootstrap import Floats, Statistic, bootstrap
from edgetl.device.tasks.cross_fit import SAMPLES_MIN, Places, cross_fitted
from edgetl.device.tasks.probabilities import sigmoid, softmax
from edgetl.tensors import Array

ECE = "ECE"
_BINS = 15
_SCALE_MAX = 1e3
_BISECTIONS = 20
"""Of the logarithm of the scale: to one part in 70,000."""
_NO_MINIMUM = "no temperature has the least log loss, as where all scores are right, or no better than chance"
_NOT_CROSS_FITTED = f"fewer than {SAMPLES_MIN} samples, or a part of them alone, are too few to fit a temperature on"


@dataclass(frozen=True)
class Link:
    """What logits mean."""

    probabilities: Callable[[Array], Floats]
    """``(n, classes)`` from logits of that shape."""
    claims: Callable[[Floats, Floats], tuple[Floats, Floats]]
    """From probabilities and targets, the probability that each statement is true and 1 where it is, else 0;
    ``(n, statements)`` each."""


def _top(probabilities: Floats, targets: Floats) -> tuple[Floats, Floats]:
    best = np.argmax(probabilities, axis=1)[:, None]
    return np.take_along_axis(probabilities, best, axis=1), np.take_along_axis(targets, best, axis=1)


ONE_OF_SEVERAL = Link(softmax, _top)
"""One class per sample; what is claimed is that the most probable one is right."""
EACH_BY_ITSELF = Link(sigmoid, lambda probabilities, targets: (probabilities, targets))
"""Any number of classes per sample; what is claimed is that a sample has the class, for each."""


@dataclass(frozen=True)
class Scored:
    """A model's finite logits and what is true: 1 where a sample has a class, else 0; ``(n, classes)`` each."""

    logits: Array
    targets: Floats
    link: Link

    def at(self, places: Places) -> Scored:
        """Only the samples at these places."""
        return Scored(self.logits[places], self.targets[places], self.link)

    def probabilities(self, temperature: float = 1.0) -> Floats:
        """Of the logits divided by a temperature."""
        return self.link.probabilities(self.logits.astype(np.float64) / temperature)


def calibration(reference: Scored, candidate: Scored, seed: int) -> Calibration:
    """Calibration error of both as they are, and of the candidate with a temperature that is cross-fitted.

    Args:
        reference: the float model.
        candidate: a variant, on the same samples.
        seed: of the folds and of the bootstrap.
    """
    before, after = temperature(reference), temperature(candidate)
    probabilities = None if after is None else tempered_probabilities(candidate, seed)
    reasons = [
        *([f"the float one: {_NO_MINIMUM}"] if before is None else []),
        *([_NO_MINIMUM] if after is None else []),
        *([_NOT_CROSS_FITTED] if after is not None and probabilities is None else []),
    ]
    own, others = error_of(reference, reference.probabilities()), error_of(candidate, candidate.probabilities())
    n, classes = candidate.logits.shape
    return Calibration(
        reference=_value(own, n),
        candidate=_value(others, n),
        change=next(bootstrap({ECE: lambda weights: others(weights) - own(weights)}, (n, classes), seed)),
        reference_temperature=before,
        temperature=after,
        tempered=None if probabilities is None else _value(error_of(candidate, probabilities), n),
        reason="; ".join(reasons),
    )


def temperature(scored: Scored) -> float | None:
    """What to divide logits by for the least mean negative log probability of what is true.

    The loss is convex in ``1 / temperature`` with slope ``mean(sum((p - y) z))`` for logits ``z``, their probabilities
    ``p`` (softmax or sigmoid alike) and targets ``y``, so the root of the slope is bisected.

    Returns:
        ``None`` when the slope has no root between 1 / 1000 and 1000.
    """
    low, high = 1 / _SCALE_MAX, _SCALE_MAX
    if not _slope(scored, low) < 0 < _slope(scored, high):
        return None
    for _ in range(_BISECTIONS):
        middle = float(np.sqrt(low * high))
        if _slope(scored, middle) < 0:
            low = middle
        else:
            high = middle
    return float(1 / np.sqrt(low * high))


def tempered_probabilities(scored: Scored, seed: int) -> Floats | None:
    """Probabilities ``(n, classes)`` of each sample with a temperature that was fitted without it.

    Returns:
        ``None`` with few samples, or where a temperature is not to be found.
    """

    def judge(fitting: Places, judged: Places) -> Floats:
        found = temperature(scored.at(fitting))
        return scored.at(judged).probabilities(np.nan if found is None else found)

    if len(scored.logits) < SAMPLES_MIN:
        return None
    probabilities = cross_fitted(len(scored.logits), seed, judge)
    return None if np.isnan(probabilities).any() else probabilities


def error_of(scored: Scored, probabilities: Floats) -> Statistic:
    """Expected calibration error of other probabilities than the logits' own."""
    return calibration_error(*scored.link.claims(probabilities, scored.targets))


def calibration_error(claimed: Floats, true: Floats) -> Statistic:
    """Mean over statements of how far the mean claim in their bin is from the share that is true.

    Args:
        claimed: probability that each statement is true, ``(n, statements)``.
        true: 1 where it is, else 0, the same shape.
    """
    n, statements = claimed.shape
    bins = np.clip(np.ceil(claimed * _BINS).astype(np.int64) - 1, 0, _BINS - 1)
    places = (bins + _BINS * np.arange(n)[:, None]).ravel()
    gaps = np.bincount(places, weights=(true - claimed).ravel(), minlength=n * _BINS).reshape(n, _BINS)
    return lambda weights: np.abs(gaps.T @ weights).sum(axis=0) / (statements * weights.sum(axis=0))


def _value(error: Statistic, n: int) -> float:
    return float(error(np.ones((n, 1)))[0])


def _slope(scored: Scored, scale: float) -> float:
    residual = scored.probabilities(1 / scale) - scored.targets
    return float((residual * scored.logits).sum(axis=1).mean())
