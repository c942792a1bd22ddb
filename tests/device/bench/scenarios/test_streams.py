from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest

from edgetl.device.bench.pacing import SimulatedTime
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.scenarios import Load, run_scenario
from edgetl.device.bench.scenarios.streams import at_once, draining
from edgetl.scenario import Scenario

MS = 1_000_000
PLAN = Plan(3, 0.0, 1.0, 0.02, block_s=0.2, min_blocks=5, min_samples=50, min_s=0.0, cap_s=10.0)


def test_all_calls_really_run_at_once() -> None:
    # each waits for the others: one after another they would never return
    barrier = threading.Barrier(3, timeout=20)
    with at_once([barrier.wait] * 3) as query:
        query()
        query()


def test_an_error_of_any_stream_is_raised() -> None:
    def fail() -> None:
        raise ValueError("no more memory")

    with at_once([lambda: None, fail]) as query, pytest.raises(ValueError, match="no more memory"):
        query()


def test_a_heap_is_run_completely_and_by_every_runner() -> None:
    done: list[int] = []
    first = threading.Barrier(2, timeout=20)

    def runner(number: int) -> Callable[[], None]:
        calls = itertools.count()

        def call() -> None:
            if next(calls) == 0:
                first.wait()
            done.append(number)

        return call

    with draining([runner(0), runner(1)]) as drain:
        drain(50)
    assert len(done) == 50
    assert set(done) == {0, 1}


def parallel(durations_ns: tuple[int, ...], time: SimulatedTime) -> tuple[Callable[[], None], ...]:
    """Calls that begin together: a query after another, each as long as its slowest."""

    def stream(duration_ns: int) -> Callable[[], None]:
        calls = itertools.count()
        return lambda: time.sleep_until(next(calls) * max(durations_ns) + duration_ns)

    return tuple(stream(duration) for duration in durations_ns)


def test_latency_of_several_streams_is_that_of_the_slowest() -> None:
    time = SimulatedTime()
    calls = parallel((3 * MS, 8 * MS, 5 * MS), time)
    timed = run_scenario({"a": calls}, Load(Scenario("multi-stream", streams=3), PLAN), time)["a"]
    assert set(timed.samples_ns) == {8 * MS}
    assert timed.block_items == tuple(3 * queries for queries in timed.blocks)
    assert timed.wall_ns == sum(timed.samples_ns)


def test_offline_counts_inferences_by_wall_time_and_has_no_samples() -> None:
    time = SimulatedTime()
    plan = Plan(3, 0.0, 1.0, 0.02, block_s=0.2, min_blocks=5, min_samples=50, min_s=2.0, cap_s=10.0)
    timed = run_scenario({"a": (lambda: time.pass_ns(4 * MS),)}, Load(Scenario("offline"), plan), time)["a"]
    assert timed.samples_ns == timed.blocks == ()
    assert timed.block_items == (100,) * 5
    assert timed.block_walls_ns == (400 * MS,) * 5
    assert len(timed.block_starts_ns) == 5


def test_offline_subjects_take_turns() -> None:
    time, log = SimulatedTime(), list[str]()

    def subject(name: str) -> tuple[Callable[[], None], ...]:
        def call() -> None:
            log.append(name)
            time.pass_ns(10 * MS)

        return (call,)

    run_scenario({name: subject(name) for name in "ab"}, Load(Scenario("offline"), PLAN), time)
    order = [name for name, _ in itertools.groupby(log)]
    assert order[:6] == ["a", "b", "a", "b", "a", "b"]


def test_single_stream_is_the_closed_loop() -> None:
    time = SimulatedTime()
    timed = run_scenario({"a": (lambda: time.pass_ns(4 * MS),)}, Load(Scenario(), PLAN), time)["a"]
    assert set(timed.samples_ns) == {4 * MS}
    assert timed.service_ns == ()
    assert timed.dropped is None
