"""Whether a candidate gives labels worse than its reference, and what the sample size allows to say about it.

References:
    Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 13: percentile bounds, here of a paired
    difference.
    Garwood (1936), Fiducial limits for the Poisson distribution, Biometrika 28: the upper bound of a count is that of
    one event more, which carries the bound where few pairs differ or none (the rule of three).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.check import Check
from edgetl.device.tasks.bootstrap import Floats, resamples
from edgetl.device.tasks.multilabel_metrics import macro_f1, step_of_f1
from edgetl.errors import Unsupported
from edgetl.gates import Gates

_BOUND = 95.0
_ROUNDING = 1e-9
_SEED = 0
"""A judgement does not depend on who asks for it."""

Decided = NDArray[np.int64]


@dataclass(frozen=True)
class Compared:
    """Decisions of a reference and a candidate about the same samples, and what is true; 0 or 1, ``(n, classes)``."""

    reference: Decided
    candidate: Decided
    truth: Decided


def f1_drop(name: str, compared: Compared, gates: Gates, least: int = 0) -> Check:
    """Judge how much macro F1 a candidate loses against its reference on the same samples.

    Decisions about one sample are not independent, so samples are resampled, each with all its decisions, for both at
    once. To every resample the loss of a Poisson number of decisions, one on average, is added: a bootstrap of few or
    no differences would claim more than ``n`` samples can show.

    Args:
        name: of the check.
        compared: both decisions, and the truth.
        gates: the limits; ``accuracy_drop_max`` and ``margin`` are of macro F1.
        least: decisions whose loss is never too much for the point estimate: the smallest difference that ``n`` shows.

    Returns:
        A check whose value is the drop as a fraction (negative when the candidate is better). It passes when the drop
        is at most ``accuracy_drop_max``, or what ``least`` decisions can lose, and its one-sided 95 % bound at most
        ``accuracy_drop_max + margin``. Where it fails for want of samples, the reason says how many would be needed.

    Raises:
        Unsupported: the three are not of the same samples, or there are none.
    """
    reference, candidate, truth = compared.reference, compared.candidate, compared.truth
    if not reference.shape == candidate.shape == truth.shape or truth.ndim != 2 or not truth.size:
        raise Unsupported(
            f"a drop needs the same samples twice; got {reference.shape} and {candidate.shape} for {truth.shape}"
        )
    n, changed = len(truth), int((reference != candidate).any(axis=1).sum())
    steps = step_of_f1(reference, truth)
    drop, (low, bound) = _drop_and_bounds(compared, float(steps.mean()) if steps.size else 1.0 / n)
    limit, bound_limit = gates.accuracy_drop_max, gates.accuracy_drop_max + gates.margin
    smallest = least * float(steps.max(initial=0.0)) + _ROUNDING
    reason = (
        f"drop of macro F1 {_points(drop)} points, 95 % bound {_points(bound)}, {changed} of {n} samples decided "
        f"otherwise; limits {_points(limit)} and {_points(bound_limit)}"
    )
    is_small = drop <= max(limit, smallest)
    if limit < drop <= smallest:
        reason += f"; one decision may lose {_points(smallest)} points, the smallest drop that so many samples can show"
    if is_small and bound > bound_limit:
        reason += f"; too few samples to tell: {_needed_in_words(drop, bound, bound_limit, n)}"
    if not is_small and low <= limit:
        needed = _needed(drop - low, drop - limit, n)
        reason += f"; chance may have made it so large (95 % bound from below {_points(low)}): {needed}"
    return Check(name, drop, limit, "fraction", is_small and bound <= bound_limit, reason, n)


def _drop_and_bounds(compared: Compared, step: float) -> tuple[float, tuple[float, float]]:
    truth = compared.truth
    before, after = macro_f1(compared.reference, truth), macro_f1(compared.candidate, truth)

    def difference(weights: Floats) -> Floats:
        # without any class there is nothing to lose
        return np.nan_to_num(before(weights)) - np.nan_to_num(after(weights))

    drop = float(difference(np.ones((len(truth), 1)))[0])
    resampled = np.concatenate([difference(weights) for weights in resamples((len(truth), truth.shape[1]), _SEED)])
    unseen = np.random.default_rng(_SEED).poisson(1.0, resampled.size) * step
    high, low = np.percentile(resampled + unseen, _BOUND), np.percentile(resampled - unseen, 100 - _BOUND)
    return drop, (float(low), float(high))


def _needed_in_words(drop: float, bound: float, bound_limit: float, n: int) -> str:
    if drop >= bound_limit:
        return "no number of samples would be enough at this drop and margin"
    return _needed(bound - drop, bound_limit - drop, n)


def _needed(distance: float, allowed: float, n: int) -> str:
    # the distance of a bound from its estimate shrinks with the root of the sample size
    return f"about {math.ceil(n * (distance / allowed) ** 2)} would be needed if they turned out alike"


def _points(fraction: float) -> str:
    return f"{100 * fraction:.2f}"
