"""Parts for cross-validation: every sample in one of them, every group whole, every class spread evenly."""

from __future__ import annotations

import numpy as np

from edgetl.host.data.units import MIXED, Ints, Units


def folds_of(units: Units, folds: int, generator: np.random.Generator) -> Ints:
    """The fold of each unit, 0 to ``folds`` - 1.

    Each unit goes where it brings the classes nearest to equal shares, large units first, so that small ones level out
    what those leave; single samples are then spread to within one of a class. Among equal choices the smallest fold
    is taken.
    """
    order = generator.permutation(len(units))
    order = order[np.argsort(-units.size[order], kind="stable")]
    total = units.samples_per_class(np.ones(len(units), bool))
    share, weight = total / folds, 1.0 / np.maximum(total, 1)
    counts = np.zeros((folds, units.classes), np.int64)
    sizes = np.zeros(folds, np.int64)
    fold = np.zeros(len(units), np.int64)
    for index in order.tolist():
        label = units.label[index]
        if label == MIXED:
            unit = units.row(index)
            cost = (weight * (2 * (counts - share) + unit) * unit).sum(axis=1)
        else:
            # the same cost, up to what is equal for all folds
            cost = counts[:, label]
        chosen = int(np.lexsort((sizes, cost))[0])
        fold[index] = chosen
        sizes[chosen] += units.size[index]
        if label == MIXED:
            counts[chosen] += units.row(index)
        else:
            counts[chosen, label] += units.size[index]
    return fold
