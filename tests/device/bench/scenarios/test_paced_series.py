from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetl.device.bench.pacing import RealTime, SimulatedTime
from edgetl.device.bench.plan import PLANS, Effort, Plan
from edgetl.device.bench.scenarios import Load, run_scenario
from edgetl.device.bench.scenarios.findings import pacing_findings
from edgetl.device.bench.scenarios.paced_series import relaxation_s
from edgetl.device.bench.timing import Timed, throughput_per_s
from edgetl.scenario import Backlog, Scenario, ScenarioKind

MS = 1_000_000
PLAN = Plan(3, 0.0, 1.0, 0.02, block_s=0.2, min_blocks=5, min_samples=100, min_s=0.0, cap_s=10.0)
PERIODIC = Scenario("periodic", rate_hz=100)


class Bench:
    """Subjects in simulated time, and who ran when."""

    def __init__(self) -> None:
        self.time = SimulatedTime()
        self.log: list[tuple[str, int]] = []

    def subject(self, name: str, duration_ns: Callable[[int], int]) -> Callable[[], None]:
        calls = itertools.count()

        def call() -> None:
            self.log.append((name, self.time.now()))
            self.time.pass_ns(duration_ns(next(calls)))

        return call

    def run(self, scenario: Scenario, plan: Plan, **durations: Callable[[int], int]) -> dict[str, Timed]:
        subjects = {name: (self.subject(name, of),) for name, of in durations.items()}
        return run_scenario(subjects, Load(scenario, plan), self.time)


def test_a_light_periodic_load_has_the_latency_of_the_work_and_the_throughput_of_its_rate() -> None:
    timed = Bench().run(PERIODIC, PLAN, a=lambda n: 4 * MS)["a"]
    assert set(timed.samples_ns) == set(timed.service_ns) == {4 * MS}
    assert timed.blocks == timed.block_items == (20,) * 5
    assert timed.block_walls_ns == (200 * MS,) * 5
    assert throughput_per_s(timed) == 100
    assert (timed.dropped, timed.backlogs, timed.late_start_p99_ns) == (0, (0,) * 5, 0)


def test_every_block_begins_with_a_call_and_a_full_gap() -> None:
    bench = Bench()
    timed = bench.run(PERIODIC, PLAN, a=lambda n: 4 * MS, b=lambda n: 6 * MS)
    begins = timed["a"].block_starts_ns
    of_a = [at for name, at in bench.log if name == "a"]
    for begin in begins:
        # one that is not measured stands where the last one stood, and the first is due a period after that
        assert begin - 4 * MS in of_a
        assert begin + 6 * MS in of_a


def test_two_subjects_take_turns_at_the_same_moments() -> None:
    bench = Bench()
    scenario = Scenario("server", rate_hz=50, seed=4)
    timed = bench.run(scenario, PLAN, a=lambda n: MS, b=lambda n: MS)
    order = [name for name, _ in itertools.groupby(name for name, _ in bench.log)]
    # warm-up, warm-up at the rate, and then ab ba ab, of which neighbours are merged
    assert order[:7] == ["a", "b", "a", "b", "a", "b", "a"]
    assert timed["a"].samples_ns == timed["b"].samples_ns
    assert timed["a"].block_walls_ns == timed["b"].block_walls_ns


def test_warm_up_at_the_rate_is_not_measured() -> None:
    bench = Bench()
    timed = bench.run(PERIODIC, PLAN, a=lambda n: 4 * MS)["a"]
    assert timed.warmup + sum(timed.blocks) == len(bench.log)
    # one block and the call before it
    assert timed.warmup > 20 + 1


def test_a_stall_counts_for_all_that_fell_due_in_it() -> None:
    bench = Bench()
    timed = bench.run(
        PERIODIC, replace(PLAN, min_samples=300, cap_s=100.0), a=lambda n: 1000 * MS if n == 80 else 2 * MS
    )["a"]
    slow = sum(sample > 10 * MS for sample in timed.samples_ns)
    # a second has a hundred periods, and the queue is worked off at 8 ms a period
    assert slow == 124
    assert sum(sample > 10 * MS for sample in timed.service_ns) == 1
    assert timed.backlogs[1] > timed.backlogs[2] > timed.backlogs[-1] == 0


def test_dropped_ones_are_counted_and_not_measured() -> None:
    timed = Bench().run(Scenario("periodic", rate_hz=100, backlog="drop"), PLAN, a=lambda n: 14 * MS)["a"]
    assert set(timed.samples_ns) == {14 * MS}
    # every other one
    assert timed.dropped is not None
    assert abs(timed.dropped - len(timed.samples_ns)) <= len(timed.blocks)
    assert throughput_per_s(timed) == pytest.approx(50, rel=0.1)


def test_an_overload_ends_like_any_other_run_and_its_queue_has_grown() -> None:
    timed = Bench().run(PERIODIC, replace(PLAN, min_samples=600), a=lambda n: 15 * MS)["a"]
    assert timed.wall_ns == pytest.approx(600 * 15 * MS, rel=0.05)
    assert list(timed.backlogs) == sorted(timed.backlogs)
    assert timed.backlogs[-1] > 250
    assert throughput_per_s(timed) == pytest.approx(1000 / 15, rel=0.01)
    slow = Bench().run(PERIODIC, replace(PLAN, min_samples=6000), a=lambda n: 15 * MS)["a"]
    assert slow.wall_ns == pytest.approx(PLAN.cap_s * 1e9, rel=0.05)


@pytest.mark.parametrize("kind", ["server", "periodic"])
@pytest.mark.parametrize("rate_hz", [2e4, 1e5])
def test_a_rate_far_too_high_ends_early_with_what_there_is(kind: ScenarioKind, rate_hz: float) -> None:
    scenario = Scenario(kind, rate_hz=rate_hz)
    bench = Bench()
    timed = bench.run(scenario, PLANS["standard"], a=lambda n: 3 * MS)["a"]
    assert timed.is_cut_short
    assert len(timed.samples_ns) >= 10
    assert bench.time.now() < 10e9
    # what 60 s have time for, and no longer list of what is due
    assert timed.backlogs[-1] == 60e9 / (3 * MS)
    (finding,) = pacing_findings(timed, scenario)
    assert finding.code == "W-OVERLOAD"


def test_what_ends_early_does_not_stop_the_others() -> None:
    scenario = Scenario("periodic", rate_hz=2000)
    timed = Bench().run(scenario, replace(PLAN, cap_s=2.0, min_samples=4000), a=lambda n: 10 * MS, b=lambda n: MS // 10)
    assert (timed["a"].is_cut_short, timed["b"].is_cut_short) == (True, False)
    assert len(timed["b"].samples_ns) >= 4000
    assert len(timed["a"].blocks) < len(timed["b"].blocks)


@pytest.mark.parametrize("kind", ["server", "periodic"])
def test_dropping_at_a_rate_far_too_high_keeps_samples_of_what_was_done(kind: ScenarioKind) -> None:
    scenario = Scenario(kind, rate_hz=2e4, backlog="drop")
    timed = Bench().run(scenario, replace(PLAN, min_s=8.0), a=lambda n: 3 * MS)["a"]
    assert timed.wall_ns < 1.2 * PLAN.cap_s * 1e9
    assert len(timed.samples_ns) >= PLAN.min_samples
    assert timed.dropped == pytest.approx(59 * len(timed.samples_ns), rel=0.1)


def test_an_overload_is_found_and_a_random_load_that_fits_is_not() -> None:
    for rate_hz, codes in ((80.0, []), (90.0, []), (101.0, ["W-OVERLOAD"]), (400.0, ["W-OVERLOAD"])):
        scenario = Scenario("server", rate_hz=rate_hz, seed=2)
        plan = replace(PLAN, min_samples=2000, cap_s=40.0)
        timed = Bench().run(scenario, plan, a=lambda n: 10 * MS)["a"]
        assert [finding.code for finding in pacing_findings(timed, scenario)] == codes, rate_hz


def test_waiting_of_random_arrivals_is_what_queueing_theory_says() -> None:
    """Mean wait of an M/D/1 queue (Pollaczek 1930, Khinchine 1932): ``rho / (2 (1 - rho))`` services."""
    plan = replace(PLAN, block_s=40.0, min_samples=60_000, cap_s=1000.0)
    timed = Bench().run(Scenario("server", rate_hz=125, seed=8), plan, a=lambda n: 4 * MS)["a"]
    waits = [whole - work for whole, work in zip(timed.samples_ns, timed.service_ns, strict=True)]
    assert statistics.fmean(waits) == pytest.approx(0.5 / (2 * 0.5) * 4 * MS, rel=0.05)
    # with probability 1 - rho nobody is there
    assert sum(wait == 0 for wait in waits) / len(waits) == pytest.approx(0.5, abs=0.02)


def queue(rate_hz: float, service_ns: int, count: int, seed: int) -> NDArray[np.float64]:
    """Latencies in one continuous queue of random arrivals, by Lindley's recursion (1952)."""
    gaps = np.random.default_rng(seed).exponential(1e9 / rate_hz, count)
    walk = np.cumsum(service_ns - gaps)
    return walk - np.minimum.accumulate(np.minimum(walk, 0.0)) + service_ns


@pytest.mark.parametrize("effort", ["standard", "rigorous"])
def test_a_queue_that_is_nine_tenths_full_is_as_long_as_in_one_continuous_run(effort: Effort) -> None:
    """Within 5 % for the median and 10 % for p99 over 12 seeds; blocks that begin empty halve p99."""
    reference = queue(100.0, 9 * MS, 4_000_000, seed=1)
    pooled: list[int] = []
    for seed in range(12):
        scenario = Scenario("server", rate_hz=100.0, seed=seed)
        timed = Bench().run(scenario, PLANS[effort], a=lambda n: 9 * MS, b=lambda n: 5 * MS)["a"]
        assert len(timed.blocks) >= PLANS[effort].min_blocks
        pooled += timed.samples_ns
    assert np.percentile(pooled, 50) == pytest.approx(np.percentile(reference, 50), rel=0.05)
    assert np.percentile(pooled, 99) == pytest.approx(np.percentile(reference, 99), rel=0.10)


def test_a_periodic_load_with_stalls_has_the_latency_of_one_continuous_run() -> None:
    """Every 50th frame takes 16 ms and all others 9.5 of 10: the queue it leaves outlives a block of 20."""
    plan = replace(PLAN, min_samples=2000, cap_s=60.0)
    durations = [16 * MS if n % 50 == 49 else 19 * MS // 2 for n in range(50)]

    def lasts(n: int) -> int:
        return durations[n % 50]

    timed = Bench().run(PERIODIC, plan, a=lasts)["a"]
    late = sum(sample > 10 * MS for sample in timed.samples_ns) / len(timed.samples_ns)
    # 6 ms too many, of which half a millisecond is gained by each frame that follows: 12 of 50 are late
    assert late == pytest.approx(12 / 50, abs=0.03)


def test_the_time_of_a_run_follows_the_queue() -> None:
    def seconds(rate_hz: float, effort: Effort = "standard") -> float:
        timed = Bench().run(Scenario("server", rate_hz=rate_hz), PLANS[effort], a=lambda n: 10 * MS)["a"]
        return timed.wall_ns / 1e9

    assert seconds(50.0) == pytest.approx(662 / 50, rel=0.15)
    assert seconds(80.0) == pytest.approx(100 * 2 * 0.8 * 0.01 / 0.2**2, rel=0.1)
    # as far as the cap allows
    assert seconds(95.0) == pytest.approx(60, rel=0.1)
    assert seconds(95.0, "quick") == pytest.approx(8, rel=0.15)


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (Scenario("server", rate_hz=100.0), 2 * 0.9 * 0.009 / 0.1**2),
        (Scenario("server", rate_hz=112.0), 0.0),
        (Scenario("server", rate_hz=100.0, backlog="drop"), 0.0),
        (Scenario("periodic", rate_hz=100.0), 0.0),
    ],
    ids=["fits", "grows", "drops", "periodic"],
)
def test_relaxation_of_a_queue(scenario: Scenario, expected: float) -> None:
    assert relaxation_s(scenario, 0.009) == pytest.approx(expected)


def test_a_low_rate_is_measured_until_the_cap_one_by_one() -> None:
    timed = Bench().run(Scenario("periodic", rate_hz=1), PLANS["quick"], a=lambda n: 20 * MS)["a"]
    assert timed.blocks == (1,) * 8
    assert timed.samples_ns == (20 * MS,) * 8


def test_a_high_rate_for_thirty_minutes_keeps_few_samples_of_all_its_time() -> None:
    plan = replace(PLANS["sustained"], block_s=30.0)
    time = SimulatedTime()
    subjects = {"a": (lambda: time.pass_ns(MS),)}
    timed = run_scenario(subjects, Load(Scenario("periodic", rate_hz=200), plan), time)["a"]
    assert timed.wall_ns >= 1800e9
    assert sum(timed.block_items) == pytest.approx(360_000, rel=0.01)
    assert len(timed.samples_ns) == pytest.approx(360_000 / 12, rel=0.01)


def at_thirty_hertz_for_half_an_hour(backlog: Backlog, lasts: Callable[[int], int]) -> Timed:
    scenario = Scenario("periodic", rate_hz=30, backlog=backlog)
    return Bench().run(scenario, replace(PLANS["sustained"], block_s=30.0), a=lasts)["a"]


def test_late_ones_are_counted_whether_timed_or_not() -> None:
    timed = at_thirty_hertz_for_half_an_hour("queue", lambda n: 34 * MS if n % 2 else 6 * MS)
    done = sum(timed.block_items)
    assert done == pytest.approx(54_000, rel=0.01)
    assert len(timed.samples_ns) == pytest.approx(27_000, rel=0.01)
    # every other one, so that of every other one that is timed all are late, or none
    assert timed.late == pytest.approx(done / 2, rel=0.01)


def test_dropped_ones_are_counted_whether_they_would_have_been_timed_or_not() -> None:
    timed = at_thirty_hertz_for_half_an_hour("drop", lambda n: 40 * MS)
    done = sum(timed.block_items)
    assert len(timed.samples_ns) == pytest.approx(done / 2, rel=0.01)
    assert timed.dropped == pytest.approx(done, rel=0.01)
    assert timed.late == done


def test_without_a_limit_nothing_is_late() -> None:
    assert Bench().run(Scenario("server", rate_hz=100), PLAN, a=lambda n: 4 * MS)["a"].late is None
    limited = Scenario("server", rate_hz=100, deadline_ns=3 * MS)
    timed = Bench().run(limited, PLAN, a=lambda n: 4 * MS)["a"]
    assert timed.late == sum(timed.block_items)


def test_what_is_done_is_told() -> None:
    told: list[float] = []
    bench = Bench()
    run_scenario(
        {"a": (bench.subject("a", lambda n: MS),)},
        Load(PERIODIC, replace(PLAN, warmup_s=0.5, min_s=1.5)),
        bench.time,
        told.append,
    )
    assert told == sorted(told)
    assert told[0] == 0.25
    assert told[-1] == 1.0


def test_on_this_machine_inferences_begin_when_they_are_due_or_later() -> None:
    time = RealTime()
    plan = Plan(3, 0.0, 0.05, 0.002, block_s=0.05, min_blocks=2, min_samples=10, min_s=0.0, cap_s=5.0)
    subjects = {"a": (lambda: time.sleep_until(time.now() + MS // 10),)}
    timed = run_scenario(subjects, Load(Scenario("server", rate_hz=200, seed=1), plan), time)["a"]
    assert len(timed.samples_ns) == len(timed.service_ns) >= 10
    assert all(whole >= work >= MS // 10 for whole, work in zip(timed.samples_ns, timed.service_ns, strict=True))
    assert timed.late_start_p99_ns is not None
