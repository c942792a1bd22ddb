"""The gate on a drop of accuracy: what passes, what does not, and what the bound is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetl.device.tasks.statistics import drop_bound, drop_check, flip_rate, wilson
from edgetl.errors import Unsupported
from edgetl.gates import Gates
from edgetl.tensors import Array


def _hits(lost: int, won: int, n: int) -> tuple[Array, Array]:
    reference, candidate = np.ones(n, bool), np.ones(n, bool)
    candidate[:lost] = False
    reference[lost : lost + won] = False
    return reference, candidate


def test_no_drop_on_many_samples_passes() -> None:
    check = drop_check("accuracy drop", *_hits(0, 0, 1000), Gates())
    assert check.passed
    assert (check.value, check.limit, check.unit, check.n) == (0.0, 0.005, "fraction", 1000)


def test_no_drop_on_few_samples_fails_because_they_say_too_little() -> None:
    check = drop_check("accuracy drop", *_hits(0, 0, 100), Gates())
    assert check.value == 0
    assert not check.passed
    # the rule of three: 3 / n must be at most 2 points
    assert "too few samples to tell: about 14" in check.reason or "about 15" in check.reason


def test_a_drop_above_the_limit_fails_whatever_the_sample_size() -> None:
    check = drop_check("accuracy drop", *_hits(60, 0, 10_000), Gates(accuracy_drop_max=0.005, margin=0.5))
    assert not check.passed
    assert "drop 0.60 points" in check.reason
    assert "60 lost and 0 won of 10000 samples" in check.reason
    assert "too few" not in check.reason


def test_a_drop_of_exactly_the_limit_passes() -> None:
    assert drop_check("accuracy drop", *_hits(10, 0, 2000), Gates(accuracy_drop_max=0.005, margin=0.015)).passed


def test_a_gain_is_a_negative_drop() -> None:
    check = drop_check("accuracy drop", *_hits(10, 60, 2000), Gates())
    assert check.value == pytest.approx(-0.025)
    assert check.passed


def test_the_promised_sample_size_is_enough() -> None:
    check = drop_check("accuracy drop", *_hits(12, 10, 400), Gates())
    assert not check.passed
    needed = int(check.reason.split("about ")[1].split(" ")[0])
    factor = needed / 400
    assert drop_bound(12 * factor, 10 * factor, needed) <= 0.02
    assert drop_bound(12 * factor * 0.9, 10 * factor * 0.9, needed * 0.9) > 0.02


def test_no_sample_size_is_promised_when_none_would_do() -> None:
    check = drop_check("accuracy drop", *_hits(2, 0, 400), Gates(accuracy_drop_max=0.005, margin=0.0))
    assert "no number of samples would be enough" in check.reason


def test_different_samples_are_refused() -> None:
    with pytest.raises(Unsupported, match="the same samples twice"):
        drop_check("accuracy drop", np.ones(3, bool), np.ones(4, bool), Gates())
    with pytest.raises(Unsupported, match="the same samples twice"):
        drop_check("accuracy drop", np.ones(0, bool), np.ones(0, bool), Gates())


@dataclass(frozen=True)
class Truth:
    """How often only the reference and only the candidate is right."""

    n: int
    lost: float
    won: float


@pytest.mark.parametrize(
    "truth",
    [
        Truth(100, 0.0, 0.0),
        Truth(100, 0.029, 0.0),
        Truth(100, 0.031, 0.0),
        Truth(100, 0.045, 0.0),
        Truth(100, 0.02, 0.02),
        Truth(300, 0.01, 0.0),
        Truth(300, 0.02, 0.01),
        Truth(650, 0.005, 0.003),
        Truth(650, 0.05, 0.04),
        Truth(2000, 0.001, 0.001),
        Truth(2000, 0.01, 0.005),
        Truth(2000, 0.05, 0.05),
    ],
    ids=str,
)
def test_the_bound_holds_in_95_of_100_cases(truth: Truth) -> None:
    drawn = np.random.default_rng(0).multinomial(
        truth.n, (truth.lost, truth.won, 1 - truth.lost - truth.won), size=4000
    )
    pairs, counts = np.unique(drawn[:, :2], axis=0, return_counts=True)
    holds = [drop_bound(int(lost), int(won), truth.n) >= truth.lost - truth.won for lost, won in pairs]
    assert (np.array(holds) * counts).sum() / 4000 >= 0.945  # less the noise of 4000 draws


@pytest.mark.parametrize(
    ("lost", "won", "n", "expected"),
    [
        pytest.param(0, 0, 100, 1 - 0.05 ** (1 / 100), id="rule-of-three"),
        pytest.param(0, 0, 2000, 1 - 0.05 ** (1 / 2000), id="rule-of-three-2000"),
        pytest.param(500, 500, 10_000, 1.6449 * np.sqrt(1000) / 10_000, id="large-sample"),
        pytest.param(700, 500, 10_000, 0.02 + 1.6449 * np.sqrt(1200 - 4) / 10_000, id="large-sample-with-drop"),
    ],
)
def test_the_bound_is_what_theory_says(lost: int, won: int, n: int, expected: float) -> None:
    assert drop_bound(lost, won, n) == pytest.approx(expected, rel=0.02)


@given(n=st.integers(1, 5000), data=st.data())
def test_the_bound_is_above_the_drop_and_shrinks_with_more_samples(n: int, data: st.DataObject) -> None:
    lost = data.draw(st.integers(0, n))
    won = data.draw(st.integers(0, n - lost))
    bound = drop_bound(lost, won, n)
    assert (lost - won) / n <= bound <= 1
    assert drop_bound(4 * lost, 4 * won, 4 * n) <= bound + 1e-9


def test_flip_rate_counts_decisions_that_differ() -> None:
    interval = flip_rate(np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1]))
    assert (interval.value, interval.n) == (0.25, 4)
    assert interval.ci95 == pytest.approx((0.0456, 0.6994), abs=1e-4)


def test_no_flips_on_few_samples_may_still_be_many() -> None:
    assert flip_rate(np.zeros(10, np.int64), np.zeros(10, np.int64)).ci95 == pytest.approx((0.0, 0.2775), abs=1e-4)


def test_without_decisions_nothing_is_known_of_flips() -> None:
    assert flip_rate(np.zeros(0, np.int64), np.zeros(0, np.int64)).ci95 == (0.0, 1.0)


def test_flips_of_different_samples_are_refused() -> None:
    with pytest.raises(Unsupported, match="the same samples twice"):
        flip_rate(np.zeros(3, np.int64), np.zeros(4, np.int64))


@given(n=st.integers(1, 10_000), data=st.data())
def test_wilson_holds_the_point_and_stays_in_range(n: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, n))
    low, high = wilson(count, n)
    assert 0 <= low <= count / n <= high <= 1
    assert low < high


def test_one_sample_is_the_smallest_drop_that_few_samples_can_show() -> None:
    gates = Gates(accuracy_drop_max=0.005, margin=0.05)
    assert not drop_check("accuracy transfer", *_hits(1, 0, 100), gates).passed
    check = drop_check("accuracy transfer", *_hits(1, 0, 100), gates, least=1)
    assert check.passed
    assert check.value == 0.01
    assert "1 of 100 is the smallest drop" in check.reason


def test_the_smallest_drop_is_net_of_what_was_won_and_more_fails() -> None:
    gates = Gates(accuracy_drop_max=0.005, margin=0.5)
    assert drop_check("accuracy transfer", *_hits(3, 2, 100), gates, least=1).passed
    assert not drop_check("accuracy transfer", *_hits(2, 0, 100), gates, least=1).passed


def test_the_bound_is_judged_however_small_the_drop() -> None:
    check = drop_check("accuracy transfer", *_hits(1, 0, 100), Gates(accuracy_drop_max=0.005, margin=0.015), least=1)
    assert not check.passed
    assert "too few samples to tell" in check.reason


def test_a_drop_that_chance_may_have_made_says_how_many_samples_would_tell() -> None:
    check = drop_check("accuracy drop", *_hits(1, 0, 40), Gates())
    assert not check.passed
    assert "chance may have made it so large (95 % bound from below" in check.reason
    needed = int(check.reason.split("about ")[1].split(" ")[0])
    assert -drop_bound(0, needed / 40, needed) > 0.005
    assert -drop_bound(0, needed / 40 * 0.9, needed * 0.9) <= 0.005


def test_a_drop_beyond_chance_asks_for_no_more_samples() -> None:
    check = drop_check("accuracy drop", *_hits(60, 2, 400), Gates())
    assert not check.passed
    assert "chance" not in check.reason
    assert "needed" not in check.reason


def test_a_drop_a_hair_above_the_limit_is_not_told_by_any_number_of_samples() -> None:
    check = drop_check("accuracy drop", *_hits(501, 0, 100_000), Gates(accuracy_drop_max=0.0050099999))
    assert "too close to the limit for any number of samples" in check.reason
