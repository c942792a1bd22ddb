"""Promises of :mod:`edgetl.host.adapt.arrays`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgetl.host.adapt import FittedHead, Folds, Head
from edgetl.host.adapt.arrays import arrays_of, fitted_from, head_from, identity_of


def head(seed: int) -> Head:
    rng = np.random.default_rng(seed)
    return Head(rng.normal(size=(3, 5)).astype(np.float32), rng.normal(size=3).astype(np.float32))


@pytest.fixture
def fitted() -> FittedHead:
    logits = np.random.default_rng(9).normal(size=(7, 3)).astype(np.float32)
    folds = Folds((head(1), head(2)), np.array([0, 1, 1, 0, 1, 0, 0]))
    scores, losses = {1e-3: 0.5, 0.1: 0.75}, {1e-3: 0.7, 0.1: 1 / 3}
    return FittedHead(head(0), 0.1, logits, scores, losses, True, folds)


def test_all_that_is_known_of_a_head_survives(fitted: FittedHead) -> None:
    again = fitted_from(arrays_of(fitted.head, fitted))
    assert again is not None
    assert (again.regularisation, again.scores, again.losses, again.converged) == (
        fitted.regularisation,
        fitted.scores,
        fitted.losses,
        fitted.converged,
    )
    features = np.random.default_rng(3).normal(size=(7, 5)).astype(np.float32)
    np.testing.assert_array_equal(again.head.logits(features), fitted.head.logits(features))
    np.testing.assert_array_equal(again.folds.logits(features), fitted.folds.logits(features))
    np.testing.assert_array_equal(again.out_of_fold, fitted.out_of_fold)
    assert identity_of(again) == identity_of(fitted)


def test_a_head_that_was_trained_with_its_trunk_is_a_head_alone() -> None:
    arrays = arrays_of(head(0), None)
    assert fitted_from(arrays) is None
    np.testing.assert_array_equal(head_from(arrays).weight, head(0).weight)
    assert identity_of(None) is None


def test_a_head_with_other_folds_is_another_one(fitted: FittedHead) -> None:
    others = [
        replace(fitted, folds=replace(fitted.folds, unseen_by=1 - fitted.folds.unseen_by)),
        replace(fitted, folds=replace(fitted.folds, heads=fitted.folds.heads[::-1])),
        replace(fitted, regularisation=1e-3),
        replace(fitted, head=head(4)),
    ]
    assert len({identity_of(one) for one in (fitted, *others)}) == 1 + len(others)


def test_a_missing_array_is_told(fitted: FittedHead) -> None:
    arrays = arrays_of(fitted.head, fitted)
    for name in arrays.keys() - {"fit.chosen"}:
        with pytest.raises(KeyError, match=name):
            fitted_from({key: array for key, array in arrays.items() if key != name})
