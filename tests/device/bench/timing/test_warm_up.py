from __future__ import annotations

from collections.abc import Callable

import pytest

from edgetl.device.bench.pacing import SimulatedTime
from edgetl.device.bench.plan import PLANS, Effort
from edgetl.device.bench.timing.warm_up import Warm, warm_up

MS = 1_000_000
LONG: tuple[Effort, ...] = ("standard", "rigorous", "sustained")


def warmed(duration_ns: Callable[[float], float], effort: Effort) -> tuple[Warm, float]:
    """How warm-up went of a call whose time depends on the second it is made in, and how many seconds it took."""
    time = SimulatedTime()
    warm = warm_up(lambda: time.pass_ns(round(duration_ns(time.now() / 1e9))), PLANS[effort], time.now)
    return warm, time.now() / 1e9


def ramp(seconds: float) -> Callable[[float], float]:
    """A clock that takes so long to double: from 5 ms to 2.5 ms."""
    return lambda at_s: (5 - 2.5 * min(1.0, at_s / seconds)) * MS


@pytest.mark.parametrize("effort", LONG)
@pytest.mark.parametrize("seconds", [2.0, 10.0])
def test_a_clock_that_still_rises_is_not_steady(seconds: float, effort: Effort) -> None:
    warm, took_s = warmed(ramp(seconds), effort)
    assert warm.typical_ns < 2.55 * MS or not warm.steady
    assert took_s >= min(seconds, PLANS[effort].warmup_cap_s)


def test_quick_sees_what_a_fifth_of_a_second_shows_and_ends_at_its_cap() -> None:
    warm, took_s = warmed(ramp(2.0), "quick")
    assert not warm.steady
    assert took_s == pytest.approx(1.6, abs=0.2)


@pytest.mark.parametrize(("effort", "seconds"), [("quick", 0.6), ("standard", 1.5), ("rigorous", 3.0)])
@pytest.mark.parametrize("duration_ns", [2_000, 4 * MS, 40 * MS])
def test_a_steady_model_is_warm_after_three_windows(effort: Effort, seconds: float, duration_ns: int) -> None:
    warm, took_s = warmed(lambda _: duration_ns, effort)
    assert warm.steady
    assert took_s == pytest.approx(seconds, rel=0.25)
    assert warm.typical_ns == duration_ns
    assert warm.calls == pytest.approx(took_s * 1e9 / duration_ns, rel=0.01)


def test_calls_that_take_no_time_on_a_coarse_clock_end_warm_up_unsettled() -> None:
    time = SimulatedTime()
    warm = warm_up(lambda: None, PLANS["quick"], time.now)
    assert (warm.steady, warm.typical_ns) == (False, 1.0)


def test_a_model_slower_than_the_cap_is_called_three_times_and_not_steady() -> None:
    warm, _ = warmed(lambda _: 2000 * MS, "quick")
    assert (warm.calls, warm.steady) == (3, False)


def test_a_slow_model_that_settled_is_steady_although_it_was_called_seldom() -> None:
    warm, _ = warmed(lambda _: 500 * MS, "standard")
    assert warm.steady
    assert warm.calls < PLANS["standard"].warmup_min
