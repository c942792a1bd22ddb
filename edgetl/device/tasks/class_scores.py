"""Precision, recall and F1 of every class, from counts."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgetl.evaluation import ClassScore

Counts: TypeAlias = NDArray[np.int64]


def class_scores(classes: tuple[str, ...], support: Counts, said: Counts, hit: Counts) -> tuple[ClassScore, ...]:
    """One row per class; a share of nothing is 0.

    Args:
        classes: names.
        support: samples that have the class, shape ``(classes,)``.
        said: samples that were given the class, the same shape.
        hit: samples that have it and were given it, the same shape.
    """
    counts = zip(classes, support.tolist(), said.tolist(), hit.tolist(), strict=True)
    return tuple(
        ClassScore(label, has, _share(both, given), _share(both, has), _share(2 * both, has + given))
        for label, has, given, both in counts
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
