"""Judging what is fitted on samples by samples that it was not fitted on.

References:
    Stone (1974), Cross-validatory choice and assessment of statistical predictions, JRSS B 36.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgetl.tensors import Array

Places: TypeAlias = NDArray[np.int64]

FOLDS = 5
SAMPLES_MIN = 20
"""Below it a fold would hold too little to judge anything by."""


def cross_fitted(n: int, seed: int, judge: Callable[[Places, Places], Array]) -> Array:
    """What ``judge`` says of every sample, each judged once by what was fitted without it.

    Args:
        n: samples, at least ``FOLDS``.
        seed: of the division into folds.
        judge: given the places to fit on and those to judge, something about the latter, ``(places, ...)``.
    """
    parts = np.array_split(np.random.default_rng(seed).permutation(n), FOLDS)
    said = [judge(np.setdiff1d(np.arange(n), own), own) for own in parts]
    joined = np.concatenate(said)
    return np.asarray(joined[np.argsort(np.concatenate(parts))])
