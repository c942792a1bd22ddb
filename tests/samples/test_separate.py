"""Separate runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from edgetl.samples.separate import effective_blocks, separate_ratio, stretches


@dataclass(frozen=True)
class Blocks:
    samples_ns: tuple[int, ...]
    blocks: tuple[int, ...]


def medians(n: int, memory: float, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.normal(0, 1, n)
    for place in range(1, n):
        values[place] = memory * values[place - 1] + np.sqrt(1 - memory**2) * values[place]
    return 1e6 * np.exp(0.03 * values)


@pytest.mark.parametrize(("memory", "share"), [(0.0, 1.0), (0.5, 1 / 3), (0.9, 0.1 / 1.9)])
def test_long_series_count_for_their_share(memory: float, share: float) -> None:
    found = effective_blocks(medians(4000, memory, 1)) / 4000
    assert share * 0.7 < found <= share


def test_short_series_are_not_taken_for_more_than_they_are() -> None:
    found = [effective_blocks(medians(20, 0.9, seed)) for seed in range(100)]
    assert sum(one < 5 for one in found) >= 80


def test_constant_blocks_count_in_full_and_too_few_for_one() -> None:
    assert effective_blocks(np.full(9, 7.0)) == 9
    assert effective_blocks(np.array([1.0, 2.0, 3.0])) == 1


def test_constant_runs_have_an_exact_ratio() -> None:
    one, other = (Blocks((value,) * 60, (5,) * 12) for value in (3, 2))
    found = separate_ratio(one, other, 0)
    assert (found.ratio.low, found.ratio.value, found.ratio.high) == pytest.approx((1.5, 1.5, 1.5))
    assert found.effective == (12, 12)
    assert found.freedom >= 11


def test_long_runs_are_cut_into_stretches_that_lose_nothing() -> None:
    assert stretches((3,) * 39) == (3,) * 39
    assert stretches((3,) * 40) == (6,) * 20
    assert stretches((1,) * 87) == (4,) * 20 + (7,)
    assert stretches(()) == ()
