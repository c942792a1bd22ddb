"""Which attempt goes on, and which ones nothing beats."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgetl.host.ladder.attempts import Tried

TIE = 0.03
"""Relative difference of speed below which two attempts count as equally fast, as far as a short run can tell."""
FLOAT = "float"


def chosen(tried: Sequence[Tried], is_timed: bool) -> Tried:
    """The fastest that passed, of equally fast ones the most accurate; where none passed, the most accurate of all.

    Args:
        tried: at least one, in the order of preference.
        is_timed: whether latency stands for speed; otherwise the fraction of operations in int8.
    """
    passed = [one for one in tried if one.attempt.passed]
    if not passed:
        return most_accurate(tried)
    costs = [cost(one, is_timed) for one in passed]
    limit = min(costs) + TIE * abs(min(costs)) if is_timed else min(costs)
    return min((one for one, own in zip(passed, costs, strict=True) if own <= limit), key=loss_of)


def most_accurate(tried: Sequence[Tried]) -> Tried:
    """The one that loses least against float, the first of equal ones."""
    return min(tried, key=loss_of)


def front(tried: Sequence[Tried], is_timed: bool) -> tuple[str, ...]:
    """Names of those that no other one, the float graph included, beats in accuracy and speed, the slowest first.

    One beats another that is at least as good in both and better in one. What was not judged, or not timed where time
    counts, is not among them.
    """
    points = [(FLOAT, 0.0, 1.0)]
    for one in tried:
        if one.loss is not None and not (is_timed and one.attempt.time_ratio is None):
            points.append((one.rung.name, one.loss, cost(one, is_timed)))
    kept = [point for point in points if not any(_beats(other, point) for other in points)]
    return tuple(name for name, _, _ in sorted(kept, key=lambda point: (-point[2], point[1])))


def cost(tried: Tried, is_timed: bool) -> float:
    """Time by that of float, infinite where it is not known, or the fraction of operations that stays in float."""
    ratio = tried.attempt.time_ratio
    if is_timed:
        return math.inf if ratio is None else ratio
    return 1.0 - tried.attempt.int8_share


def loss_of(tried: Tried) -> float:
    """Fraction lost against float; infinite where it is not known."""
    return math.inf if tried.loss is None else tried.loss


def _beats(one: tuple[str, float, float], other: tuple[str, float, float]) -> bool:
    return one[1] <= other[1] and one[2] <= other[2] and one[1:] != other[1:]
