"""The interval of a median."""

from __future__ import annotations

import numpy as np

from edgetl.report.median import median_interval


def test_ranks_are_those_of_the_published_example() -> None:
    """n = 100 has ranks 40 and 61."""
    assert median_interval(np.arange(1, 101)) == (40, 61)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    runs = [median_interval(rng.integers(0, 1_000_001, 201)) for _ in range(2_000)]
    covered = sum(low <= 500_000 <= high for low, high in filter(None, runs))
    assert 0.94 <= covered / len(runs) <= 0.975


def test_too_few_samples_have_none() -> None:
    assert median_interval(np.arange(10)) is None
    assert median_interval(np.arange(11)) is not None
