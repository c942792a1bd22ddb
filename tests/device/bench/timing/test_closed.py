from __future__ import annotations

import gc
import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from edgetl.device.bench.percent import percent_stage
from edgetl.device.bench.plan import PLANS, Plan
from edgetl.device.bench.timing import Timed, interleave, latency, rotating
from edgetl.device.bench.timing.rounds import SAMPLES_MAX
from edgetl.progress import Silent

MS = 1_000_000
PLAN = Plan(3, 0.0, 1.0, 0.02, block_s=0.1, min_blocks=4, min_samples=20, min_s=0.0, cap_s=10.0)


@dataclass
class Machine:
    """A clock that only moves when a subject runs, and the order in which subjects ran."""

    now_ns: int = 0
    log: list[str] = field(default_factory=list)

    def clock(self) -> int:
        return self.now_ns

    def subject(self, name: str, durations_ns: Callable[[int], int]) -> Callable[[], None]:
        calls = itertools.count()

        def call() -> None:
            self.now_ns += durations_ns(next(calls))
            self.log.append(name)

        return call

    def runs(self) -> list[str]:
        return [name for name, _ in itertools.groupby(self.log)]


def test_every_sample_is_what_the_clock_said() -> None:
    machine = Machine()
    timed = interleave({"a": machine.subject("a", lambda n: 5 * MS + n)}, PLAN, machine.clock)["a"]
    # calls are numbered from the first warm-up on; one lead-in call begins each block
    expected = [5 * MS + n for n in range(len(machine.log))]
    assert len(timed.samples_ns) + timed.warmup == len(machine.log)
    assert set(timed.samples_ns) <= set(expected)
    assert sum(timed.blocks) == len(timed.samples_ns)


def test_slow_first_calls_are_not_measured() -> None:
    machine = Machine()
    subject = machine.subject("a", lambda n: 500 * MS if n < 5 else 2 * MS)
    timed = interleave({"a": subject}, replace(PLAN, warmup_cap_s=10.0), machine.clock)["a"]
    assert set(timed.samples_ns) == {2 * MS}
    assert timed.steady


def test_warm_up_that_never_settles_is_said() -> None:
    machine = Machine()
    timed = interleave({"a": machine.subject("a", lambda n: (n + 1) * MS)}, PLAN, machine.clock)["a"]
    assert not timed.steady


def test_warm_up_makes_at_least_the_planned_calls() -> None:
    machine = Machine()
    timed = interleave({"a": machine.subject("a", lambda n: MS)}, replace(PLAN, warmup_min=77), machine.clock)["a"]
    assert timed.warmup >= 77


def test_two_subjects_take_turns_and_the_order_is_reversed_every_round() -> None:
    machine = Machine()
    subjects = {name: machine.subject(name, lambda n: 10 * MS) for name in "ab"}
    timed = interleave(subjects, PLAN, machine.clock)
    # after both warm-ups: ab ba ba ab, of which neighbours are merged
    assert machine.runs()[:6] == ["a", "b", "a", "b", "a", "b"]
    assert len(timed["a"].blocks) == len(timed["b"].blocks) == 4


def test_each_of_three_subjects_begins_a_round_as_often_as_it_ends_one() -> None:
    machine = Machine()
    subjects = {name: machine.subject(name, lambda n: 10 * MS) for name in "abc"}
    timed = interleave(subjects, replace(PLAN, min_blocks=6, min_samples=6), machine.clock)
    tail = machine.log[-3 * 2 * 6 :]
    rounds = [tail[i : i + 6 : 2] for i in range(0, 36, 6)]
    assert sorted(order[0] for order in rounds) == sorted(order[-1] for order in rounds) == list("aabbcc")
    assert {one.blocks for one in timed.values()} == {(1,) * 6}


def test_drift_of_the_machine_meets_all_subjects_alike() -> None:
    machine = Machine()
    subjects = {
        name: machine.subject(name, lambda n: int(10 * MS * (1 + machine.now_ns / 20e9)))
        for name in ("first", "second")
    }
    timed = interleave(subjects, replace(PLAN, min_samples=400, min_blocks=20), machine.clock)
    totals = [sum(one.samples_ns) / len(one.samples_ns) for one in timed.values()]
    assert totals[0] == pytest.approx(totals[1], rel=0.01)


def test_timing_goes_on_until_samples_blocks_and_time_suffice() -> None:
    machine = Machine()
    plan = replace(PLAN, min_samples=50, min_s=3.0, min_blocks=7)
    timed = interleave({"a": machine.subject("a", lambda n: 10 * MS)}, plan, machine.clock)["a"]
    assert len(timed.samples_ns) >= 300
    assert len(timed.blocks) >= 7


def test_a_slow_subject_stops_at_its_cap() -> None:
    machine = Machine()
    subjects = {"fast": machine.subject("fast", lambda n: MS), "slow": machine.subject("slow", lambda n: 2000 * MS)}
    timed = interleave(subjects, replace(PLAN, cap_s=6.0), machine.clock)
    assert len(timed["slow"].samples_ns) <= 4
    assert len(timed["fast"].samples_ns) >= 20


def test_a_fast_subject_is_not_run_longer_because_another_is_slow() -> None:
    machine = Machine()
    subjects = {"fast": machine.subject("fast", lambda n: MS), "slow": machine.subject("slow", lambda n: 40 * MS)}
    timed = interleave(subjects, replace(PLAN, min_samples=100), machine.clock)
    assert len(timed["fast"].samples_ns) <= 150


def test_garbage_is_not_collected_inside_a_block_and_is_again_afterwards() -> None:
    machine, seen = Machine(), []
    call = machine.subject("a", lambda n: 10 * MS)

    def subject() -> None:
        seen.append(gc.isenabled())
        call()

    timed = interleave({"a": subject}, PLAN, machine.clock)["a"]
    assert not any(seen[-len(timed.samples_ns) :])
    assert gc.isenabled()


def test_rotating_takes_the_next_argument_every_time() -> None:
    seen: list[int] = []
    call = rotating(seen.append, (1, 2, 3))
    for _ in range(5):
        call()
    assert seen == [1, 2, 3, 1, 2]


def test_blocks_are_recorded_with_their_beginning_and_their_time() -> None:
    machine = Machine()
    timed = interleave({name: machine.subject(name, lambda n: 10 * MS) for name in "ab"}, PLAN, machine.clock)["a"]
    first, second = timed.block_starts_ns[:2]
    # a block of a, two blocks of b, and the three calls that begin blocks
    assert second - first == 3 * 5 * 10 * MS + 3 * 10 * MS
    assert timed.block_walls_ns == (50 * MS,) * 4
    assert timed.block_items == timed.blocks == (5,) * 4
    assert timed.wall_ns == 200 * MS


def test_thirty_minutes_of_a_fast_model_keep_few_samples_and_last_thirty_minutes() -> None:
    machine = Machine()
    plan = replace(PLANS["sustained"], block_s=20.0)
    timed = interleave({"a": machine.subject("a", lambda n: 3 * MS)}, plan, machine.clock)["a"]
    assert timed.wall_ns >= 1800e9
    assert SAMPLES_MAX / 4 < len(timed.samples_ns) <= SAMPLES_MAX
    assert set(timed.samples_ns) == {3 * MS}
    assert sum(timed.block_items) * 3 * MS == timed.wall_ns


@pytest.mark.parametrize(("slower", "most"), [(2, 10_000), (4, 10_000), (40, 25_000)])
def test_a_model_that_is_slow_at_first_is_still_timed_for_as_long_as_asked(slower: int, most: int) -> None:
    machine = Machine()

    def lasts(n: int) -> int:
        # 36,000 calls of 50 ms would take half an hour
        return 50 * MS * (slower if machine.now_ns < 100e9 else 1)

    told: list[float] = []
    plan = replace(PLANS["sustained"], min_samples=100)
    timed = interleave({name: machine.subject(name, lasts) for name in "abcd"}, plan, machine.clock, told.append)
    for one in timed.values():
        assert one.wall_ns >= 1800e9
        assert 5_000 <= len(one.samples_ns) <= most
        assert sum(one.blocks) == len(one.samples_ns)
        assert min(one.blocks) >= 1
        assert len(one.blocks) == len(one.block_items) == len(one.block_walls_ns)
        assert sum(one.block_items) == pytest.approx(36_000, rel=0.02)
    assert told == sorted(told)


def test_what_is_let_go_leaves_as_many_samples_as_were_asked_for() -> None:
    machine = Machine()
    plan = replace(PLANS["sustained"], block_s=20.0)
    lasts = {name: lambda n: (80 if machine.now_ns < 60e9 else 40) * MS for name in "abcd"}
    timed = interleave({name: machine.subject(name, of) for name, of in lasts.items()}, plan, machine.clock)
    assert all(6_636 <= len(one.samples_ns) <= 2 * 6_636 for one in timed.values())


def test_a_sample_of_a_long_run_takes_little_memory() -> None:
    machine = Machine()
    plan = replace(PLAN, min_samples=30_000, cap_s=1000.0, min_blocks=60)
    tracemalloc.start()
    timed = interleave({"a": machine.subject("a", lambda n: 10 * MS)}, plan, lambda: machine.clock())["a"]
    machine.log.clear()
    bytes_now, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert bytes_now / len(timed.samples_ns) < 60


def test_latency_states_only_percentiles_that_the_samples_support() -> None:
    found = latency(Timed(tuple(range(1, 65)), (32, 32), 9, True), "infer")
    assert (found.n, found.p50_ns, found.p90_ns, found.p95_ns, found.p99_ns) == (64, 32, 58, None, None)
    assert (found.min_ns, found.max_ns, found.warmup, found.blocks) == (1, 64, 9, (32, 32))


@pytest.mark.parametrize(
    ("effort", "field_name"), [("quick", "p90_ns"), ("standard", "p99_ns"), ("rigorous", "p999_ns")]
)
def test_effort_supports_its_percentile(effort: str, field_name: str) -> None:
    samples = tuple(range(1, PLANS[effort].min_samples + 1))  # type: ignore[index]
    assert getattr(latency(Timed(samples, (len(samples),), 0, True), "infer"), field_name) is not None


def test_quick_takes_a_few_seconds_per_subject() -> None:
    machine = Machine()
    interleave({"a": machine.subject("a", lambda n: 4 * MS)}, PLANS["quick"], machine.clock)
    assert machine.now_ns < 3e9


def test_a_plan_is_extended_for_a_gated_percentile_only() -> None:
    quick = PLANS["quick"]
    assert quick.supporting(()) is quick
    assert quick.supporting((50.0, 90.0)) is quick
    assert quick.supporting((99.0,)).min_samples == 662
    assert quick.supporting((99.0,)).cap_s > quick.cap_s


def test_what_is_done_is_told_from_warm_up_to_the_end() -> None:
    machine, told = Machine(), list[float]()
    plan = replace(PLAN, warmup_s=1.0, warmup_cap_s=3.0, min_s=3.0, min_blocks=6)
    subjects = {name: machine.subject(name, lambda n: 10 * MS) for name in "ab"}
    interleave(subjects, plan, machine.clock, told.append)
    assert told[:2] == [0.125, 0.25]
    assert told == sorted(told)
    assert len(told) > 6
    assert told[-1] == pytest.approx(1.0)


def test_a_stage_in_per_cent_ends_at_a_hundred_and_never_goes_back() -> None:
    steps: list[int] = []

    class Listener(Silent):
        @contextmanager
        def stage(self, title: str, total: int | None = None) -> Iterator[SimpleNamespace]:
            assert total == 100
            yield SimpleNamespace(advance=steps.append)

    with percent_stage(Listener(), "time") as told:
        for fraction in (0.1, 0.304, 0.2, 0.305):
            told(fraction)
    assert steps == [10, 20, 70]
