from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.bench.scenarios.schedule import check_rate, schedule
from edgetl.errors import InputError
from edgetl.scenario import SINGLE_STREAM, Scenario

RATES = st.floats(0.1, 10_000)


def first(scenario: Scenario, count: int) -> list[int]:
    return list(itertools.islice(schedule(scenario), count))


@given(RATES, st.integers(1, 1_000_000))
@settings(max_examples=30, deadline=None)
def test_a_periodic_moment_is_off_by_less_than_a_nanosecond_however_late(rate_hz: float, index: int) -> None:
    moments = itertools.islice(schedule(Scenario("periodic", rate_hz=rate_hz)), min(index, 3000))
    for count, moment in enumerate(moments, start=1):
        assert abs(moment - count * 1e9 / rate_hz) <= max(0.5, 1e-15 * moment)


def test_thirty_hertz_are_thirty_in_a_second() -> None:
    moments = first(Scenario("periodic", rate_hz=30), 90)
    assert moments[:3] == [33_333_333, 66_666_667, 100_000_000]
    assert moments[89] == 3_000_000_000


@given(RATES, st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_a_random_schedule_ascends_and_is_that_of_its_seed(rate_hz: float, seed: int) -> None:
    scenario = Scenario("server", rate_hz=rate_hz, seed=seed)
    moments = first(scenario, 1500)
    assert moments == sorted(moments)
    assert moments[0] >= 0
    assert moments == first(scenario, 1500)
    assert moments != first(Scenario("server", rate_hz=rate_hz, seed=seed + 1), 1500)


def test_gaps_of_a_random_schedule_are_exponential() -> None:
    gaps = np.diff(first(Scenario("server", rate_hz=200, seed=3), 20_001)) / 1e9
    assert gaps.mean() == pytest.approx(1 / 200, rel=0.03)
    assert gaps.std() == pytest.approx(1 / 200, rel=0.03)
    # of an exponential variable, 1/e are above its mean
    assert np.mean(gaps > 1 / 200) == pytest.approx(np.exp(-1), abs=0.02)
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.03


def test_a_scenario_without_a_rate_has_no_schedule() -> None:
    with pytest.raises(InputError, match="'single-stream' has no rate; choose one of periodic, server"):
        schedule(SINGLE_STREAM)


def test_a_rate_at_which_nothing_falls_due_is_refused() -> None:
    check_rate(Scenario("periodic", rate_hz=0.2), 8.0)
    check_rate(Scenario(), 8.0)
    with pytest.raises(InputError, match=r"due every 1e\+300 s, and this effort times for at most 8 s; raise --rate"):
        check_rate(Scenario("server", rate_hz=1e-300), 8.0)
