"""Thresholds: the best there is on the samples, and what own ones gain on others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.tasks import Pair
from edgetl.device.tasks.classify import TASK
from edgetl.device.tasks.cross_fit import cross_fitted
from edgetl.device.tasks.multilabel import MultilabelTask
from edgetl.device.tasks.thresholds import accuracy_thresholds, decided, f1_thresholds
from edgetl.tensors import Array


def accuracy(given_: Array, truth: Array) -> float:
    return float((given_ == truth).mean())


def f1(given_: Array, truth: Array) -> float:
    return float(2 * (given_ * truth).sum() / max(1, given_.sum() + truth.sum()))


@pytest.mark.parametrize(("choose", "worth"), [(accuracy_thresholds, accuracy), (f1_thresholds, f1)], ids=["acc", "f1"])
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=1, max_size=15))
def test_no_other_threshold_is_better(
    choose: Callable[[Array, Array], tuple[float, ...]],
    worth: Callable[[Array, Array], float],
    rows: list[tuple[int, int]],
) -> None:
    logits, truth = np.array([[row[0]] for row in rows], np.float32), np.array([[row[1]] for row in rows])
    if not truth.any():
        assert choose(logits, truth) == (0.5,)
        return
    best = worth(decided(logits, choose(logits, truth)), truth)
    for cut in np.arange(-3.5, 4):
        assert best >= worth((logits > cut).astype(np.int64), truth)


def test_each_sample_is_judged_once_by_what_was_fitted_on_the_others() -> None:
    seen: list[Array] = []

    def judge(fitting: Array, judged: Array) -> Array:
        assert set(fitting) | set(judged) == set(range(23))
        assert not set(fitting) & set(judged)
        seen.append(judged)
        return judged

    assert cross_fitted(23, 5, judge).tolist() == list(range(23))
    assert len(seen) == 5


def shifted(n: int, shift: float) -> Pair:
    """Two classes; the candidate's logits are the reference's, moved towards the second class."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, n)
    logits = np.stack([np.zeros(n), 3 * (2 * truth - 1) + rng.normal(0, 2, n)], axis=1).astype(np.float32)
    return Pair({"logits": logits}, {"logits": logits + np.float32([0, shift])}, truth)


def test_a_threshold_of_its_own_mends_a_shift_of_two_classes() -> None:
    found = TASK.compare(shifted(800, 4.0), ("bad", "good"), seed=0).refit
    assert found is not None
    assert found.shared == (0.5,)
    assert found.own[0] > 0.9
    assert found.gain.metric == "accuracy"
    assert 0.1 < found.gain.ci95[0] < found.gain.value < found.gain.ci95[1]


def test_without_a_shift_a_threshold_of_its_own_gains_nothing() -> None:
    found = TASK.compare(shifted(800, 0.0), ("bad", "good"), seed=0).refit
    assert found is not None
    assert found.gain.ci95[0] <= 0 <= found.gain.ci95[1]


def test_three_classes_and_few_samples_have_no_threshold() -> None:
    pair = shifted(10, 0.0)
    assert TASK.compare(pair, ("bad", "good"), seed=0).refit is None
    wide = {"logits": np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)}
    assert TASK.compare(Pair(wide, wide, np.zeros(50, np.int64)), ("a", "b", "c"), seed=0).refit is None


def test_thresholds_of_its_own_mend_a_shift_of_several_labels() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random((600, 3)) < (0.5, 0.3, 0.2)).astype(np.int64)
    logits = (4 * truth - 2 + rng.normal(size=truth.shape)).astype(np.float32)
    pair = Pair({"logits": logits}, {"logits": logits - np.float32(2.5)}, truth)
    task = MultilabelTask(f1_thresholds(logits, truth))
    found = task.compare(pair, ("a", "b", "c"), seed=0).refit
    assert found is not None
    assert found.shared == task.thresholds
    assert found.own == pytest.approx(f1_thresholds(logits - np.float32(2.5), truth))
    assert (found.gain.metric, found.gain.n) == ("macro F1", 600)
    assert found.gain.ci95[0] > 0.1
    same = task.compare(Pair(pair.reference, pair.reference, truth), ("a", "b", "c"), seed=0).refit
    assert same is not None
    assert (same.gain.value, same.gain.ci95) == (0.0, (0.0, 0.0))
