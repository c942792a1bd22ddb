"""Whether a candidate is worse than its reference, and what the sample size allows to say about it.

References:
    Tango (1998), Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design, Statistics in Medicine 17: the score interval that :func:`drop_bound` inverts.
    Hanley and Lippman-Hand (1983), If nothing goes wrong, is everything all right?, JAMA 249: the rule of three.
    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.
    McNemar (1947), Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12; the exact form is the sign test of what differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgetl.check import Check
from edgetl.errors import Unsupported
from edgetl.evaluation import Interval
from edgetl.gates import Gates

Sides: TypeAlias = Literal[1, 2]
"""Of a 95 % interval: 1 where only one bound is asked for, 2 for the bound of a two-sided interval."""

_Z_ONE_SIDED = 1.6448536269514722
_Z_TWO_SIDED = 1.959963984540054
_Z: Mapping[Sides, float] = {1: _Z_ONE_SIDED, 2: _Z_TWO_SIDED}
_ALPHA = 0.05
_CONTINUITY = 0.5
_BISECTIONS = 60
_GROWTH_MAX = 1e6
_OBTAINABLE = 1_000_000
"""Samples that somebody may have."""


def drop_check(
    name: str, reference_hits: NDArray[np.bool_], candidate_hits: NDArray[np.bool_], gates: Gates, least: int = 0
) -> Check:
    """Judge how much accuracy a candidate loses against its reference on the same samples.

    Args:
        name: of the check.
        reference_hits: whether each sample was right with the reference, shape ``(n,)``.
        candidate_hits: the same for the candidate, in the same order.
        gates: the limits.
        least: net loss in samples that is never too much for the point estimate. 1 where candidate and reference are
            the same graph on two machines: its drop against float was judged on many samples, and with ``n`` below
            ``1 / accuracy_drop_max`` a single decision on the fence would exceed the limit, though one sample is the
            smallest difference that ``n`` can show. The bound is judged all the same.

    Returns:
        A check whose value is the drop as a fraction (negative when the candidate is better). It passes when the drop
        is at most ``accuracy_drop_max``, or ``least`` samples, and its one-sided 95 % bound at most
        ``accuracy_drop_max + margin``. Where it fails for want of samples, the reason says how many would be needed.

    Raises:
        Unsupported: the two are not of the same samples, or there are none.
    """
    if reference_hits.shape != candidate_hits.shape or reference_hits.ndim != 1 or not reference_hits.size:
        raise Unsupported(
            f"a drop needs the same samples twice; got {reference_hits.shape} and {candidate_hits.shape} of them"
        )
    n = reference_hits.size
    lost = int(np.count_nonzero(reference_hits & ~candidate_hits))
    won = int(np.count_nonzero(~reference_hits & candidate_hits))
    drop, bound = (lost - won) / n, drop_bound(lost, won, n)
    limit, bound_limit = gates.accuracy_drop_max, gates.accuracy_drop_max + gates.margin
    reason = (
        f"drop {_points(drop)} points, 95 % bound {_points(bound)}, {lost} lost and {won} won of {n} samples; "
        f"limits {_points(limit)} and {_points(bound_limit)}"
    )
    is_small = drop <= limit or lost - won <= least
    if drop > limit and is_small:
        reason += f"; {lost - won} of {n} is the smallest drop that so many samples can show"
    if is_small and bound > bound_limit:
        reason += f"; too few samples to tell: {_needed_in_words(lost, won, n, bound_limit)}"
    if not is_small and -drop_bound(won, lost, n) <= limit:
        reason += f"; {_doubted_in_words(lost, won, n, limit)}"
    return Check(name, drop, limit, "fraction", is_small and bound <= bound_limit, reason, n)


def drop_bound(lost: float, won: float, n: float, sides: Sides = 1) -> float:
    """Upper bound, one-sided 95 % unless told, of a drop of accuracy on paired samples, as a fraction.

    The score bound of Tango with a continuity correction of half a sample: simulated over true rates of 0 to 10 % and
    50 to 1,000 samples it holds in 95 % of cases or more, where the plain one falls to 90 % when few pairs differ. When
    no pair differs, the exact bound of the rule of three, ``1 - 0.05 ** (1 / n)``. Counts may be fractions, to ask
    about other sample sizes.

    Args:
        lost: samples that only the reference had right.
        won: samples that only the candidate had right.
        n: all samples.
        sides: 2 for the upper end of the two-sided interval.
    """
    if not lost + won:
        return float(1 - (_ALPHA / sides) ** (1 / n))
    low, high = (lost - won) / n, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _score(lost + _CONTINUITY, won, n, middle) >= -_Z[sides]:
            low = middle
        else:
            high = middle
    return high


def least_samples(bound_limit: float) -> int | None:
    """How many samples it takes for :func:`drop_bound` to stay within a limit if no pair differs.

    Returns:
        ``None`` where no number does.
    """
    if bound_limit <= 0:
        return None
    return 1 if bound_limit >= 1 - _ALPHA else math.ceil(math.log(_ALPHA) / math.log1p(-bound_limit))


def drop_interval(lost: int, won: int, n: int) -> tuple[float, float]:
    """Two-sided 95 % interval of a drop on paired samples, as fractions: :func:`drop_bound` from both sides."""
    return (-drop_bound(won, lost, n, 2), drop_bound(lost, won, n, 2))


def mcnemar(lost: int, won: int) -> float:
    """Two-sided exact p that ``lost`` and ``won`` are as unequal, or more, when either is as likely; 1 without any."""
    n, fewer = lost + won, min(lost, won)
    logarithms = (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(fewer + 1))
    tail = math.fsum(math.exp(one - n * math.log(2)) for one in logarithms)
    return min(1.0, 2 * tail)


def flip_rate(reference_decisions: NDArray[np.int64], candidate_decisions: NDArray[np.int64]) -> Interval:
    """Fraction of samples for which any decision differs, with its Wilson interval; without samples, from 0 to 1.

    Args:
        reference_decisions: shape ``(n, ...)``; several decisions about one sample are not independent, so they count
            as one.
        candidate_decisions: of the same samples.

    Raises:
        Unsupported: the two are not of the same samples.
    """
    if reference_decisions.shape != candidate_decisions.shape:
        raise Unsupported(
            f"flips need the same samples twice; got {reference_decisions.shape} and {candidate_decisions.shape}"
        )
    n = len(reference_decisions)
    differs = reference_decisions != candidate_decisions
    flips = int(np.count_nonzero(differs.any(axis=tuple(range(1, differs.ndim)))))
    return Interval("flip rate", flips / n if n else 0.0, wilson(flips, n), n)


def wilson(count: int, n: int) -> tuple[float, float]:
    """Two-sided 95 % score interval of a proportion; unlike a bootstrap it has a width at 0 and at 1."""
    if not n:
        return (0.0, 1.0)
    p, z2 = count / n, _Z_TWO_SIDED**2
    centre, half = p + z2 / (2 * n), _Z_TWO_SIDED * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low, high = (centre - half) / (1 + z2 / n), (centre + half) / (1 + z2 / n)
    return (0.0 if count == 0 else low, 1.0 if count == n else high)


def _score(lost: float, won: float, n: float, drop: float) -> float:
    """How many standard errors the observed drop lies above ``drop``, when ``drop`` is true."""
    a = 2 * n
    b = -lost - won + (2 * n - lost + won) * drop
    c = -won * drop * (1 - drop)
    won_rate = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = n * (2 * won_rate + drop * (1 - drop))
    difference = lost - won - n * drop
    if variance <= 0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / math.sqrt(variance)


def _needed_in_words(lost: int, won: int, n: int, bound_limit: float) -> str:
    factor = _growth_until(lambda times: drop_bound(lost * times, won * times, n * times) <= bound_limit)
    if factor is None:
        return "no number of samples would be enough at this drop and margin"
    return f"about {math.ceil(n * factor)} would be needed if they turned out alike"


def _doubted_in_words(lost: int, won: int, n: int, limit: float) -> str:
    factor = _growth_until(lambda times: -drop_bound(won * times, lost * times, n * times) > limit)
    doubted = f"chance may have made it so large (95 % bound from below {_points(-drop_bound(won, lost, n))})"
    if factor is None or n * factor > _OBTAINABLE:
        return f"{doubted}, and it is too close to the limit for any number of samples to tell"
    return f"{doubted}: about {math.ceil(n * factor)} samples would be needed to tell if they turned out alike"


def _growth_until(is_enough: Callable[[float], bool]) -> float | None:
    """By what factor the samples must become more, to one percent; ``None`` above a million."""
    low, high = 1.0, _GROWTH_MAX
    if not is_enough(high):
        return None
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        if is_enough(middle):
            high = middle
        else:
            low = middle
    return high


def _points(fraction: float) -> str:
    return f"{100 * fraction:.2f}"
