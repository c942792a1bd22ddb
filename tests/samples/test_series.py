"""Correlation, outliers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.samples.series import Outliers, autocorrelation, block_medians, effective_n, outliers


def latencies(n: int, seed: int, memory: float = 0.0) -> list[int]:
    """About 1 ms; each resembles the one before by ``memory``."""
    random = np.random.default_rng(seed)
    values = random.normal(0, 1, n)
    for place in range(1, n):
        values[place] = memory * values[place - 1] + np.sqrt(1 - memory**2) * values[place]
    return [int(1e6 * value) for value in np.exp(0.05 * values)]


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9, -0.5])
def test_autocorrelation_is_that_of_the_process(memory: float) -> None:
    samples = latencies(20_000, 1, memory)
    assert autocorrelation(samples) == pytest.approx(memory, abs=0.04)
    assert autocorrelation(samples, lag=2) == pytest.approx(memory**2, abs=0.05)


def test_one_stall_does_not_hide_correlation() -> None:
    samples = latencies(2_000, 2, 0.9)
    samples[1_000] *= 10_000
    assert autocorrelation(samples) == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize("samples", [[], [5], [5, 5, 5]], ids=str)
def test_nothing_varies_so_nothing_correlates(samples: list[int]) -> None:
    assert autocorrelation(samples) is None
    assert effective_n(samples) == len(samples)


@pytest.mark.parametrize("memory", [0.5, 0.8, 0.95])
def test_effective_number_is_that_of_the_process(memory: float) -> None:
    n = 40_000
    assert effective_n(latencies(n, 3, memory)) == pytest.approx(n * (1 - memory) / (1 + memory), rel=0.2)


def test_independent_samples_count_in_full() -> None:
    assert effective_n(latencies(5_000, 4)) > 4_000


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60))
def test_effective_number_lies_between_one_and_all(samples: list[int]) -> None:
    assert 1 <= effective_n(samples) <= len(samples)


def test_medians_are_of_blocks_of_any_length() -> None:
    assert list(block_medians([1, 2, 3, 10, 20, 7], [3, 2, 1])) == [2.0, 15.0, 7.0]


def test_outliers_are_counted_by_how_far_they_lie() -> None:
    samples = [*range(100, 200), 270, 320, 400, 10_000]
    assert outliers(samples) == Outliers(mild=2, severe=2)


def test_without_samples_there_are_no_outliers() -> None:
    assert outliers([]) == Outliers(0, 0)


@pytest.mark.parametrize("further", [1, 4, 10**18])
def test_any_difference_from_a_constant_is_severe(further: int) -> None:
    assert outliers([5] * 20 + [5 + further]) == Outliers(0, 1)
