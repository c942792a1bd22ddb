"""Mann-Whitney, Wilcoxon and Holm."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, wilcoxon

from edgetl.samples.ranks import holm, mann_whitney, signed_rank


@pytest.mark.parametrize(("ours", "theirs"), [(3, 3), (4, 6), (5, 5)])
def test_exact_p_is_the_share_of_orders_as_uneven(ours: int, theirs: int) -> None:
    def unevenness(chosen: tuple[int, ...]) -> float:
        return abs(sum(chosen) - ours * (ours + theirs + 1) / 2)

    orders = list(itertools.combinations(range(1, ours + theirs + 1), ours))
    for chosen in orders[:: len(orders) // 5]:
        others = [rank for rank in range(1, ours + theirs + 1) if rank not in chosen]
        expected = sum(unevenness(one) >= unevenness(chosen) for one in orders) / len(orders)
        assert mann_whitney(chosen, others) == pytest.approx(min(1.0, expected))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=40), st.lists(st.integers(0, 30), min_size=2, max_size=40))
def test_p_agrees_with_scipy(first: list[int], second: list[int]) -> None:
    untied = len({*first, *second}) == len(first) + len(second)
    if len({*first, *second}) == 1:
        assert mann_whitney(first, second) == 1.0
        return
    exact = untied and max(len(first), len(second)) <= 20
    expected = mannwhitneyu(first, second, method="exact" if exact else "asymptotic").pvalue
    assert mann_whitney(first, second) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("ours", "theirs"), [(20, 20), (7, 15), (30, 12)])
def test_p_agrees_with_scipy_without_ties(ours: int, theirs: int) -> None:
    random = np.random.default_rng(ours)
    first, second = list(random.normal(0, 1, ours)), list(random.normal(0.7, 1, theirs))
    expected = mannwhitneyu(first, second, method="exact" if ours <= 20 else "asymptotic").pvalue
    assert mann_whitney(first, second) == pytest.approx(expected, abs=1e-9)
    assert mann_whitney(second, first) == pytest.approx(mann_whitney(first, second))


def test_nothing_to_compare_proves_nothing() -> None:
    assert mann_whitney([], [1.0]) == 1.0
    assert mann_whitney([2.0] * 9, [2.0] * 9) == 1.0


def test_holm_adjusts_in_the_order_given() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holm_leaves_one_alone_and_never_exceeds_one() -> None:
    assert holm([0.03]) == (0.03,)
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-30, 30).filter(bool), min_size=1, max_size=40))
def test_signed_ranks_agree_with_scipy(differences: list[int]) -> None:
    untied = len({abs(one) for one in differences}) == len(differences)
    how = {"method": "exact"} if untied and len(differences) <= 20 else {"method": "asymptotic", "correction": True}
    assert signed_rank(differences) == pytest.approx(wilcoxon(differences, **how).pvalue, abs=1e-9)


def test_no_difference_proves_nothing() -> None:
    assert signed_rank([]) == signed_rank([0.0] * 9) == 1.0


def test_dependent_values_prove_less() -> None:
    first, second = list(range(10)), list(range(5, 15))
    plain, inflated = (mann_whitney(first, second, inflation) for inflation in (1.0, 4.0))
    assert plain < inflated < mann_whitney(first, second, 4.0, freedom=3)
