"""How many samples, and between which the truth lies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.errors import InputError
from edgetl.measurement import SUPPORT
from edgetl.samples.support import interval, interval_ranks, samples_needed, samples_to_pass, upper_bound

PERCENTS = (50.0, 90.0, 95.0, 99.0, 99.9)


def at_most(n: int, share: float, k: int) -> float:
    """P[Binomial(n, share) <= k], in whole numbers as long as it can be."""
    return math.fsum(math.comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k + 1))


@pytest.mark.parametrize(
    ("allowed", "confidence", "expected"),
    [
        pytest.param(1, 0.99, (11, 64, 130, 662, 6636), id="one-99"),
        pytest.param(4, 0.99, (19, 113, 229, 1157, 11601), id="four-99"),
        pytest.param(9, 0.99, (33, 183, 371, 1874, 18779), id="nine-99"),
        pytest.param(0, 0.95, (5, 29, 59, 299, 2995), id="none-95"),
    ],
)
def test_needed_samples_are_those_of_loadgen(allowed: int, confidence: float, expected: tuple[int, ...]) -> None:
    assert tuple(samples_needed(percent, allowed, confidence) for percent in PERCENTS) == expected


def test_what_a_measurement_supports_is_what_is_needed() -> None:
    assert {percent: samples_needed(percent) for percent in SUPPORT} == SUPPORT


@settings(max_examples=25, deadline=None)
@given(st.floats(1, 99), st.integers(0, 6), st.floats(0.5, 0.999))
def test_one_sample_fewer_would_not_do(percent: float, allowed: int, confidence: float) -> None:
    n, beyond = samples_needed(percent, allowed, confidence), (100 - percent) / 100
    assert at_most(n, beyond, allowed) <= 1 - confidence + 1e-9
    if n - 1 > allowed:
        assert at_most(n - 1, beyond, allowed) > 1 - confidence - 1e-9


@pytest.mark.parametrize(
    ("percent", "n", "reported"),
    [(90.0, 1024, 92.3), (99.0, 1000, 99.9), (99.0, 3000, 99.47), (99.0, 10_000, 99.24), (99.9, 10_000, 99.99)],
)
def test_upper_bound_lies_as_far_out_as_that_of_loadgen(percent: float, n: int, reported: float) -> None:
    found = upper_bound(range(1, n + 1), percent)
    assert found is not None
    assert 100 * found / n == pytest.approx(reported, abs=0.005 if reported > 93 else 0.05)


@pytest.mark.parametrize("percent", PERCENTS[:4])
def test_upper_bound_begins_with_the_samples_needed_and_is_their_largest(percent: float) -> None:
    n = samples_needed(percent)
    assert upper_bound(range(n - 1), percent) is None
    assert upper_bound(range(n), percent) == n - 1


def test_upper_bound_is_missed_at_most_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    samples = np.sort(random.random((1000, 200)), axis=1)
    bounds = [upper_bound(row, 90.0) for row in samples]
    assert sum(bound is not None and bound < 0.9 for bound in bounds) <= 20


@pytest.mark.parametrize(
    ("n", "percent", "ranks"),
    [
        pytest.param(100, 50.0, (40, 61), id="median-of-100"),
        pytest.param(1000, 99.0, (983, 997), id="p99-of-1000"),
        pytest.param(300, 99.0, (293, None), id="p99-of-300-has-no-upper-bound"),
        pytest.param(5, 50.0, (None, None), id="five-are-too-few"),
        pytest.param(6, 50.0, (1, 6), id="six-are-just-enough"),
        pytest.param(0, 50.0, (None, None), id="none"),
    ],
)
def test_interval_lies_between_known_ranks(n: int, percent: float, ranks: tuple[int | None, int | None]) -> None:
    assert interval_ranks(n, percent) == ranks
    assert interval(range(1, n + 1), percent) == ranks


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 120), st.floats(5, 95))
def test_interval_is_as_narrow_as_its_confidence_allows(n: int, percent: float) -> None:
    low, high = interval_ranks(n, percent)
    share = percent / 100
    if low is not None:
        assert at_most(n, share, low - 1) <= 0.025 + 1e-9
        assert at_most(n, share, low) > 0.025 - 1e-9
    if high is not None:
        assert 1 - at_most(n, share, high - 1) <= 0.025 + 1e-9
        assert 1 - at_most(n, share, high - 2) > 0.025 - 1e-9


@pytest.mark.parametrize("percent", [0.0, 100.0, -1.0, math.nan])
def test_percentile_outside_its_range_is_refused(percent: float) -> None:
    with pytest.raises(InputError, match="is not a percentile"):
        samples_needed(percent)


def test_certainty_is_refused() -> None:
    with pytest.raises(InputError, match="a confidence of 1 cannot be had"):
        interval([1, 2, 3], 50.0, 1.0)


def test_negative_allowance_is_refused() -> None:
    with pytest.raises(InputError, match="-1 samples cannot lie beyond"):
        samples_needed(50.0, allowed=-1)


@pytest.mark.parametrize(("n", "beyond"), [(700, 1), (700, 3), (700, 5), (2_648, 20)])
def test_as_many_samples_as_it_says_put_the_bound_within_the_limit(n: int, beyond: int) -> None:
    needed = samples_to_pass(n, beyond, 99.0)
    assert needed is not None
    for count, is_enough in ((needed, True), (needed - 60, False)):
        above = math.ceil(count * beyond / n) if not is_enough else math.floor(count * beyond / n)
        bound = upper_bound([9] * (count - above) + [11] * above, 99.0)
        assert (bound == 9) == is_enough


def test_samples_that_never_exceed_the_limit_need_no_more_than_any() -> None:
    assert samples_to_pass(100, 0, 99.0) == SUPPORT[99.0]


@pytest.mark.parametrize("beyond", [700, 690, 800, 100_000])
def test_nothing_helps_what_is_at_its_limit_or_above(beyond: int) -> None:
    assert samples_to_pass(70_000, beyond, 99.0) is None
