"""How scores move when a candidate takes the place of its reference."""

from __future__ import annotations

import numpy as np

from edgetl.decisions import QUANTILES, Shift
from edgetl.device.tasks.bootstrap import Floats

TOP = "top score"
TRUE = "score of the true class"


def shifts(scores: dict[str, tuple[Floats, Floats]]) -> tuple[Shift, ...]:
    """Means of both, and quantiles of the change sample by sample, of every score that there is.

    Args:
        scores: by name, the reference's and the candidate's of the same samples, ``(n,)`` each; none without samples.
    """
    return tuple(_shift(name, *pair) for name, pair in scores.items() if pair[0].size)


def _shift(name: str, reference: Floats, candidate: Floats) -> Shift:
    low, lower, middle, upper, high = np.quantile(candidate - reference, QUANTILES).tolist()
    means = float(reference.mean()), float(candidate.mean())
    return Shift(name, reference.size, *means, (low, lower, middle, upper, high))
