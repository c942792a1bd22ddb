"""A variant without labels is like its float model, or not, or there are too few samples to tell."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.tasks import Pair
from edgetl.device.tasks.likeness import likeness, undecided_because
from edgetl.device.tasks.output_error import output_error
from edgetl.device.tasks.statistics import drop_bound, least_samples
from edgetl.device.tasks.tensor import TASK
from edgetl.gates import Gates
from edgetl.tensors import Array

ERROR = Gates(output_error_max=0.1)


def scores(decisions: list[int]) -> Array:
    return np.eye(3, dtype=np.float32)[decisions]


def pair(reference: Array, candidate: Array) -> Pair:
    return Pair({"y": reference}, {"y": candidate}, np.zeros(0, np.int64))


def noisy(noise: float, n: int = 200) -> Pair:
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(n, 16))
    return pair(reference, reference + noise * rng.normal(size=(n, 16)))


def test_each_changed_decision_counts_as_a_loss() -> None:
    before, after = scores([0, 1] * 500), scores([0, 1] * 499 + [2, 2])
    check = likeness(pair(before, after), TASK, Gates())
    assert check.passed
    assert check.value == 0.002
    assert "without labels each change counts as a loss" in check.reason


def test_the_limit_of_changes_may_be_its_own() -> None:
    before, after = scores([0, 1] * 500), scores([0, 1] * 480 + [2] * 40)
    assert not likeness(pair(before, after), TASK, Gates()).passed
    check = likeness(pair(before, after), TASK, Gates(changed_max=0.05))
    assert check.passed
    assert check.limit == 0.05


def test_an_error_is_judged_by_its_bound() -> None:
    check = likeness(noisy(0.05), TASK, ERROR)
    assert check.passed
    assert check.value == pytest.approx(0.05, rel=0.05)
    assert not likeness(noisy(0.2), TASK, ERROR).passed


def test_an_error_at_the_limit_wants_more_samples() -> None:
    check = likeness(noisy(0.085, n=10), TASK, ERROR)
    assert check.value is not None
    assert check.value < 0.1
    assert not check.passed
    assert "too few samples to tell: about" in check.reason


def test_of_decisions_few_samples_prove_little() -> None:
    rng, passed, covered = np.random.default_rng(0), 0, 0
    share, n = 0.02, 100
    true = np.sqrt(share / 0.25)
    for _ in range(200):
        reference = rng.random((n, 1)) < 0.5
        candidate = reference ^ (rng.random((n, 1)) < share)
        passed += likeness(pair(reference, candidate), TASK, ERROR).passed
        covered += output_error(reference, candidate)[1] >= true
    assert passed == 0
    assert covered >= 190


def test_decisions_of_which_none_differs_want_so_many_samples() -> None:
    reference = np.random.default_rng(0).random((100, 1)) < 0.5
    check = likeness(pair(reference, reference.copy()), TASK, ERROR)
    assert (check.value, check.passed) == (0.0, False)
    needed = re.search(r"about (\d+) would be needed", check.reason)
    assert needed is not None
    enough = np.random.default_rng(0).random((int(needed[1]) + 20, 1)) < 0.5
    assert likeness(pair(enough, enough.copy()), TASK, ERROR).passed


def test_masks_that_all_differ_a_little_are_bounded_as_floats_are() -> None:
    rng = np.random.default_rng(0)
    reference = rng.random((50, 32, 32)) < 0.5
    candidate = reference ^ (rng.random((50, 32, 32)) < 0.001)
    error, bound = output_error(reference, candidate)
    as_floats = output_error(reference.astype(np.float32), candidate.astype(np.float32))
    assert error == pytest.approx(as_floats[0])
    assert bound >= as_floats[1]
    assert bound < 1.3 * error


def test_the_output_that_is_off_most_is_judged() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(50, 4)), rng.normal(size=(50, 2, 3))
    found = Pair({"a": first, "b": second}, {"a": first, "b": second * 1.3}, np.zeros(0, np.int64))
    check = likeness(found, TASK, ERROR)
    assert check.value == pytest.approx(0.3, rel=0.05)
    assert "output 'b'" in check.reason


@pytest.mark.parametrize("gates", [Gates(), ERROR])
def test_outputs_that_are_no_numbers_fail(gates: Gates) -> None:
    check = likeness(pair(scores([0, 1]), scores([0, 1]) * np.nan), TASK, gates)
    assert not check.passed
    assert "NaN" in check.reason


@pytest.mark.parametrize("gates", [Gates(), Gates(output_error_max=0.5)])
def test_a_float_model_whose_outputs_are_no_numbers_is_no_reference(gates: Gates) -> None:
    """Where NaN is in one of two outputs, the other one may well be right."""
    reference = {"y": np.random.default_rng(0).normal(size=(100, 4)), "z": np.full((100, 4), np.nan)}
    candidate = {"y": reference["y"], "z": np.ones((100, 4))}

    check = likeness(Pair(reference, candidate, np.zeros(0)), TASK, gates)

    assert not check.passed
    assert "of the float model are NaN" in check.reason


@pytest.mark.parametrize("is_turned", [False, True])
def test_boxes_and_scores_in_one_output_are_judged_apart(is_turned: bool) -> None:
    """In the pixels of the boxes a detector without any score would drown."""
    rng = np.random.default_rng(0)
    boxes, scores = rng.uniform(0, 640, (60, 4, 200)), rng.beta(0.2, 2, (60, 20, 200))
    wanted = np.concatenate([boxes, scores], axis=1)
    dead, fine = wanted.copy(), wanted + rng.normal(scale=0.001, size=wanted.shape)
    dead[:, 4:] = 0
    turned = (0, 2, 1) if is_turned else (0, 1, 2)
    gates = Gates(output_error_max=0.05)

    checks = [likeness(pair(wanted.transpose(turned), one.transpose(turned)), TASK, gates) for one in (dead, fine)]

    assert [check.passed for check in checks] == [False, True]
    assert checks[0].value == pytest.approx(1.0, abs=0.3)


def test_maps_of_one_kind_are_judged_as_one() -> None:
    """Rows may differ in size, as rare classes do."""
    rng = np.random.default_rng(0)
    wanted = rng.normal(size=(60, 8, 50)) * np.geomspace(1, 20, 8)[:, None]
    off = wanted + rng.normal(scale=0.1, size=wanted.shape)

    check = likeness(pair(wanted, off), TASK, Gates(output_error_max=0.05))

    assert check.passed


def test_a_reference_of_zeros_is_met_by_zeros_alone() -> None:
    zeros = np.zeros((40, 3))
    assert likeness(pair(zeros, zeros), TASK, ERROR).passed
    assert not likeness(pair(zeros, zeros + 1e-6), TASK, ERROR).passed


def test_an_offset_that_all_samples_share_hides_no_error() -> None:
    plain = noisy(0.2)
    offset = pair(plain.reference["y"] + 1000.0, plain.candidate["y"] + 1000.0)
    without, check = likeness(plain, TASK, ERROR), likeness(offset, TASK, ERROR)
    assert check.value == pytest.approx(without.value)
    assert not check.passed
    assert "of how much it varies over the samples" in check.reason


@pytest.mark.parametrize("n", [1, 40])
def test_what_never_varies_can_be_off_by_nothing_that_is_known(n: int) -> None:
    check = likeness(pair(np.ones((n, 3)), np.ones((n, 3)) * 1.001), TASK, ERROR)
    assert (check.value, check.passed) == (None, False)
    assert "give samples that differ" in check.reason


def test_what_is_no_class_score_is_told() -> None:
    assert undecided_because({"y": scores([0, 1])}, TASK, Gates()) is None
    assert "the same one for all 2 samples" in (undecided_because({"y": scores([1, 1])}, TASK, Gates()) or "")
    assert "y (5, 3)" in (undecided_because({"y": np.zeros((2, 5, 3))}, TASK, Gates()) or "")
    assert "b ()" in (undecided_because({"a": scores([0, 1]), "b": np.zeros(2)}, TASK, Gates()) or "")


def test_where_the_commonest_answer_would_pass_nothing_is_judged() -> None:
    """3 of 1,000 samples are of the rare class, and half a point may change."""
    before = scores([0] * 997 + [1] * 3)
    for after in (scores([0] * 1000), before):
        check = likeness(pair(before, after), TASK, Gates())
        assert not check.passed
        assert "always answers class 0 would change 3 of 1000 decisions and pass" in check.reason
        assert "give samples of all classes" in check.reason


def test_where_the_commonest_answer_would_fail_likeness_is_judged() -> None:
    before = scores([0] * 900 + [1] * 100)
    assert likeness(pair(before, before), TASK, Gates()).passed
    assert not likeness(pair(before, scores([0] * 1000)), TASK, Gates()).passed
    assert not likeness(pair(before, before), TASK, Gates(changed_max=0.2)).passed


@settings(max_examples=30, deadline=None)
@given(limit=st.floats(0.001, 0.99))
def test_so_many_samples_are_enough_and_one_fewer_is_not(limit: float) -> None:
    n = least_samples(limit)
    assert n is not None
    assert drop_bound(0, 0, n) <= limit * (1 + 1e-9)
    assert n == 1 or drop_bound(0, 0, n - 1) > limit


def test_no_number_of_samples_shows_that_nothing_ever_changes() -> None:
    assert least_samples(0.0) is None
