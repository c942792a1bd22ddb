"""Fitted heads as plain arrays, to be kept in files of any kind."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetl.host.adapt import FittedHead, Folds, Head

Arrays = Mapping[str, NDArray[Any]]


def arrays_of(head: Head, fitted: FittedHead | None) -> dict[str, NDArray[Any]]:
    """A head by names of its arrays, with all that is known of it where it was fitted apart from its trunk."""
    arrays: dict[str, NDArray[Any]] = {"head.weight": head.weight, "head.bias": head.bias}
    if fitted is None:
        return arrays
    folds = fitted.folds
    tried = [(strength, fitted.scores[strength], fitted.losses[strength]) for strength in fitted.losses]
    return arrays | {
        "out_of_fold": fitted.out_of_fold,
        "folds.weight": np.stack([one.weight for one in folds.heads]),
        "folds.bias": np.stack([one.bias for one in folds.heads]),
        "folds.unseen_by": folds.unseen_by,
        "fit.chosen": np.array([fitted.regularisation, fitted.converged], np.float64),
        "fit.tried": np.array(tried, np.float64).reshape(-1, 3),
    }


def head_from(arrays: Arrays) -> Head:
    """The head that :func:`arrays_of` was given.

    Raises:
        KeyError: an array is missing.
    """
    return Head(arrays["head.weight"], arrays["head.bias"])


def fitted_from(arrays: Arrays) -> FittedHead | None:
    """The fitted head that :func:`arrays_of` was given; ``None`` where it was given none.

    Raises:
        KeyError: an array is missing.
    """
    if "fit.chosen" not in arrays:
        return None
    heads = map(Head, arrays["folds.weight"], arrays["folds.bias"])
    strength, converged = arrays["fit.chosen"].tolist()
    tried = arrays["fit.tried"].tolist()
    return FittedHead(
        head_from(arrays),
        strength,
        np.asarray(arrays["out_of_fold"], np.float32),
        {c: score for c, score, _ in tried},
        {c: loss for c, _, loss in tried},
        bool(converged),
        Folds(tuple(heads), arrays["folds.unseen_by"]),
    )


def identity_of(fitted: FittedHead | None) -> str | None:
    """A hash of everything that is known of a fitted head."""
    if fitted is None:
        return None
    digest = hashlib.sha256()
    for name, array in sorted(arrays_of(fitted.head, fitted).items()):
        digest.update(f"{name} {array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
