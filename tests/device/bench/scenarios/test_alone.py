from __future__ import annotations

from typing import get_args

import pytest

from edgetl.device.bench.pacing import SimulatedTime
from edgetl.device.bench.scenarios.alone import run_alone
from edgetl.scenario import Scenario, ScenarioKind

MS, SECOND = 1_000_000, 1_000_000_000


class Work:
    """Takes so long, and counts."""

    def __init__(self, time: SimulatedTime, ms: int) -> None:
        self.time, self.ms, self.calls = time, ms, 0
        self.began_ns: list[int] = []

    def __call__(self) -> None:
        self.began_ns.append(self.time.now())
        self.time.pass_ns(self.ms * MS)
        self.calls += 1


@pytest.mark.parametrize("kind", get_args(ScenarioKind))
def test_every_scenario_runs_for_so_long_and_counts_what_was_done(kind: ScenarioKind) -> None:
    time = SimulatedTime(7 * SECOND)
    work = Work(time, 4)
    scenario = Scenario(kind, rate_hz=50 if kind in ("server", "periodic") else None)
    alone = run_alone((work,), scenario, 2 * SECOND, time)
    assert alone.window_ns[0] == 7 * SECOND
    assert alone.window_ns[1] - alone.window_ns[0] == pytest.approx(2 * SECOND, rel=0.3)
    assert alone.window_ns[1] == time.now()
    assert alone.inferences == work.calls
    expected = 50 * 2 if scenario.is_paced else (alone.window_ns[1] - alone.window_ns[0]) / (4 * MS)
    assert alone.inferences == pytest.approx(expected, rel=0.2)


def test_at_a_rate_the_window_is_whole_periods_with_one_inference_each() -> None:
    time = SimulatedTime()
    work = Work(time, 10)
    alone = run_alone((work,), Scenario("periodic", rate_hz=30.0), 5 * SECOND + 1, time)
    assert alone.inferences == 151
    assert alone.window_ns == (0, pytest.approx(151 / 30 * SECOND, abs=1))
    assert work.began_ns[:3] == [0, 33_333_333, 66_666_667]


def test_a_slow_rate_has_at_least_one_period() -> None:
    time = SimulatedTime()
    alone = run_alone((Work(time, 10),), Scenario("periodic", rate_hz=0.1), 5 * SECOND, time)
    assert (alone.window_ns, alone.inferences) == ((0, 10 * SECOND), 1)


def test_a_queue_that_grows_makes_the_run_no_longer() -> None:
    time = SimulatedTime()
    work = Work(time, 40)
    alone = run_alone((work,), Scenario("server", rate_hz=1000.0), 2 * SECOND, time)
    assert alone.window_ns == (0, 2 * SECOND)
    assert alone.inferences == work.calls == 50


def test_dropped_inferences_are_not_counted() -> None:
    time = SimulatedTime()
    alone = run_alone((Work(time, 15),), Scenario("periodic", rate_hz=100.0, backlog="drop"), SECOND, time)
    assert alone.inferences == 50


def test_an_inference_longer_than_the_time_is_done_once() -> None:
    time = SimulatedTime()
    alone = run_alone((Work(time, 9000),), Scenario(), SECOND, time)
    assert (alone.window_ns, alone.inferences) == ((0, 9 * SECOND), 1)


@pytest.mark.parametrize("kind", ["multi-stream", "offline"])
def test_all_streams_count(kind: ScenarioKind) -> None:
    time = SimulatedTime()
    work = tuple(Work(time, 4) for _ in range(3))
    alone = run_alone(work, Scenario(kind, streams=3), SECOND, time)
    assert alone.inferences == sum(one.calls for one in work)
    assert alone.inferences % 3 == 0
