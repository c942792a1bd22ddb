"""Which decisions a candidate takes otherwise than its reference, and whether for the better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.decisions import Flip, Flips, RecallDrop
from edgetl.device.tasks.statistics import drop_interval, flip_rate, mcnemar
from edgetl.interval import Interval

KINDS_MAX = 200
"""Pairs of classes that are told apart; a thousand classes would have a million."""

Decided = NDArray[np.int64]


@dataclass(frozen=True)
class Hits:
    """Whether each sample, or each decision, is right with the reference and with the candidate; equal shapes."""

    reference: NDArray[np.bool_]
    candidate: NDArray[np.bool_]

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Right before, wrong now."""
        return self.reference & ~self.candidate

    @property
    def won(self) -> NDArray[np.bool_]:
        """Wrong before, right now."""
        return ~self.reference & self.candidate


def flips(reference: Decided, candidate: Decided, hits: Hits | None, kinds: Sequence[Flip]) -> Flips:
    """Samples that are decided otherwise: see :func:`flip_rate` for the interval and :func:`mcnemar` for the test.

    Args:
        reference: decisions of shape ``(n, ...)``; several about one sample count as one.
        candidate: of the same samples.
        hits: whether everything about a sample is right, ``(n,)``; ``None`` without labels.
        kinds: between which decisions.
    """
    rate = flip_rate(reference, candidate)
    lost, won = (None, None) if hits is None else (int(hits.lost.sum()), int(hits.won.sum()))
    return Flips(
        rate=rate,
        count=round(rate.value * rate.n),
        harmful=lost,
        beneficial=won,
        mcnemar_p=None if lost is None or won is None else mcnemar(lost, won),
        kinds=tuple(sorted(kinds, key=lambda kind: (-kind.count, kind.reference, kind.candidate))[:KINDS_MAX]),
    )


def kinds_of_flips(reference: Decided, candidate: Decided, names: Sequence[str], hits: Hits | None) -> list[Flip]:
    """How often each decision becomes another one.

    Args:
        reference: places in ``names``, any shape.
        candidate: the same shape.
        names: of the decisions.
        hits: of each decision, the same shape.
    """
    changed = reference != candidate
    pairs = reference[changed] * len(names) + candidate[changed]
    found, place, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    lost, won = (
        (None, None) if hits is None else (_counts(place, hits.lost[changed]), _counts(place, hits.won[changed]))
    )
    return [
        Flip(
            names[pair // len(names)],
            names[pair % len(names)],
            count,
            None if lost is None else lost[at],
            None if won is None else won[at],
        )
        for at, (pair, count) in enumerate(zip(found.tolist(), counts.tolist(), strict=True))
    ]


def recall_drop(label: str, hits: Hits) -> RecallDrop:
    """How many of a class's samples each of the two finds, with the interval of the paired difference.

    Args:
        label: of the class.
        hits: whether the class was found, for every sample that has it, at least one.
    """
    n = len(hits.reference)
    lost, won = int(hits.lost.sum()), int(hits.won.sum())
    drop = Interval("drop of recall", (lost - won) / n, drop_interval(lost, won, n), n)
    return RecallDrop(label, float(hits.reference.mean()), float(hits.candidate.mean()), drop)


def _counts(place: NDArray[np.int64], of: NDArray[np.bool_]) -> list[int]:
    """How many are true at each place."""
    return [int(count) for count in np.bincount(place, weights=of)]
