"""A part of a data set that holds about a fraction of every class, and no part of a group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetl.host.data.units import MIXED, Ints, Units

_ATTEMPTS = 16


def take(units: Units, fraction: float, leave: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Whether each unit is taken: about ``fraction`` of every class, with ``leave`` units of it left."""
    best, best_distance = np.zeros(len(units), bool), np.inf
    for _ in range(_ATTEMPTS):
        taken = _greedy(units, fraction, leave, generator)
        distance = _distance(units, taken, fraction)
        if distance < best_distance:
            best, best_distance = taken, distance
        if best_distance <= 1:
            break
    return best


def _greedy(units: Units, fraction: float, leave: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    order = generator.permutation(len(units))
    is_single = units.size == 1
    drawn = _fill(units, fraction, leave, order)
    # units of several samples keep the chance of their draw, then single samples fill up to the fraction exactly
    again = np.concatenate((order[drawn[order] & ~is_single[order]], order[is_single[order]]))
    return _with_every_class(units, _fill(units, fraction, leave, again), leave)


def _fill(units: Units, fraction: float, leave: int, order: Ints) -> NDArray[np.bool_]:
    """Take units in the given order as long as each brings the classes nearer to their fraction."""
    every = np.ones(len(units), bool)
    total = units.samples_per_class(every)
    target, weight = np.maximum(total * fraction, 1.0), 1.0 / np.maximum(total, 1)
    remaining = units.units_per_class(every)
    taken = np.zeros(len(units), bool)
    current = np.zeros(units.classes)
    for index in order.tolist():
        label = units.label[index]
        if label == MIXED:
            unit = units.row(index)
            nearer = (weight * (2 * (target - current) - unit) * unit).sum() > 0
            if nearer and (remaining - 1)[unit > 0].min() >= leave:
                taken[index] = True
                current += unit
                remaining -= unit > 0
            continue
        size = units.size[index]
        nearer = weight[label] * (2 * (target[label] - current[label]) - size) * size > 0
        if nearer and remaining[label] - 1 >= leave:
            taken[index] = True
            current[label] += size
            remaining[label] -= 1
    return taken


def _with_every_class(units: Units, taken: NDArray[np.bool_], leave: int) -> NDArray[np.bool_]:
    """Also take the smallest unit of each class that was not taken, where enough of its classes is left."""
    for label in np.flatnonzero(units.samples_per_class(taken) == 0).tolist():
        remaining = units.units_per_class(~taken)
        spare = [
            index
            for index in units.with_class(label).tolist()
            if not taken[index] and (remaining - 1)[units.row(index) > 0].min() >= leave
        ]
        if spare:
            taken[min(spare, key=lambda index: int(units.size[index]))] = True
    return taken


def _distance(units: Units, taken: NDArray[np.bool_], fraction: float) -> float:
    """Largest deviation of any class from its fraction in samples; more than all samples for each missing class."""
    current, total = units.samples_per_class(taken), units.samples_per_class(np.ones(len(units), bool))
    missing = int((current == 0).sum())
    return float(np.abs(current - total * fraction).max()) + missing * (1.0 + float(total.sum()))
