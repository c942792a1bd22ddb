"""How many typical values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgetl.samples.modes import modes

Draw = Callable[[np.random.Generator, int], np.ndarray]
ONE: dict[str, Draw] = {
    "lognormal": lambda random, n: 1e6 * random.lognormal(0, 0.05, n),
    "wide-lognormal": lambda random, n: 1e6 * random.lognormal(0, 0.6, n),
    "normal": lambda random, n: random.normal(1e6, 5e4, n),
    "exponential": lambda random, n: random.exponential(1e6, n),
    "shifted-exponential": lambda random, n: 1e6 + random.exponential(1e5, n),
    "uniform": lambda random, n: random.uniform(1e6, 2e6, n),
    "ticks": lambda random, n: 5_000 + 52 * random.normal(0, 2, n).round(),
    "a-few-stalls": lambda random, n: 1e6 * random.lognormal(0, 0.03, n) * np.where(random.random(n) < 0.01, 50, 1),
}


@pytest.mark.parametrize("n", [64, 662, 5_000])
@pytest.mark.parametrize("name", ONE)
def test_one_mode_is_one(name: str, n: int) -> None:
    random = np.random.default_rng(1)
    assert [len(modes(ONE[name](random, n).astype(int))) for _ in range(20)] == [1] * 20


@pytest.mark.parametrize("share", [0.2, 0.5])
@pytest.mark.parametrize("apart", [1.15, 2.0, 20.0])
def test_two_modes_are_found_where_they_are(apart: float, share: float) -> None:
    random = np.random.default_rng(2)
    samples = 1e6 * np.where(random.random(1_000) < share, apart, 1) * random.lognormal(0, 0.02, 1_000)
    assert modes(samples.astype(int)) == pytest.approx((1e6, apart * 1e6), rel=0.03)


def test_three_modes_are_three() -> None:
    random = np.random.default_rng(3)
    samples = random.choice([1e6, 2e6, 3e6], 1_000) * random.lognormal(0, 0.03, 1_000)
    assert len(modes(samples.astype(int))) == 3


def test_two_constants_are_two_modes() -> None:
    assert modes([1_000_000, 2_000_000] * 50) == pytest.approx((1e6, 2e6), rel=0.02)


@pytest.mark.parametrize("samples", [[7], [7] * 100, [0, 0, 0]], ids=["one", "equal", "zero"])
def test_what_does_not_vary_has_one_mode(samples: list[int]) -> None:
    assert len(modes(samples)) == 1


def test_without_samples_there_is_no_mode() -> None:
    assert modes([]) == ()
