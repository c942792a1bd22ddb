from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.bench.pacing import SimulatedTime
from edgetl.device.bench.scenarios.paced import Line, Paced, Stretch, run_stretch
from edgetl.scenario import Backlog


def every(period: int) -> Iterator[int]:
    return itertools.count(period, period)


def taking(durations: Iterable[int], time: SimulatedTime) -> Callable[[], None]:
    turn = iter(durations)
    return lambda: time.pass_ns(next(turn))


def run(durations: Iterable[int], stretch: Stretch, dues: Iterator[int] | None = None) -> Paced:
    time = SimulatedTime(1000)
    return run_stretch(taking(durations, time), Line(dues or every(10)), stretch, time)


def test_inferences_that_are_quick_enough_begin_when_they_are_due() -> None:
    paced = run(itertools.repeat(4), Stretch(3))
    assert list(paced.due_ns) == list(paced.start_ns) == list(paced.ready_ns) == [1010, 1020, 1030]
    assert list(paced.end_ns) == [1014, 1024, 1034]
    assert (paced.began_ns, paced.ended_ns) == (1000, 1034)
    assert (paced.done, paced.dropped, paced.waiting) == (3, 0, 0)


def test_one_that_waits_begins_at_once_and_its_latency_has_the_wait() -> None:
    paced = run([25, 4, 4, 4], Stretch(4))
    assert list(paced.start_ns) == [1010, 1035, 1039, 1043]
    assert paced.latency_ns.tolist() == [25, 19, 13, 7]
    assert paced.service_ns.tolist() == [25, 4, 4, 4]
    assert paced.late_start_ns.tolist() == [0, 0, 0, 0]


def test_one_that_is_due_while_another_runs_is_dropped_and_counted() -> None:
    paced = run([25, 4, 4], Stretch(5, "drop"))
    # due at 1020 and 1030 while the first ran until 1035
    assert list(paced.due_ns) == list(paced.start_ns) == [1010, 1040, 1050]
    assert (paced.done, paced.dropped, paced.waiting) == (3, 2, 0)


def test_one_that_is_due_just_when_another_ends_is_not_dropped() -> None:
    paced = run([10, 10, 10], Stretch(3, "drop"))
    assert (paced.done, paced.dropped) == (3, 0)


def test_waking_late_shows_in_latency_and_is_told_apart() -> None:
    class Sluggish(SimulatedTime):
        def sleep_until(self, moment_ns: int) -> None:
            super().sleep_until(moment_ns + 3)

    time = Sluggish()
    paced = run_stretch(taking(itertools.repeat(4), time), Line(every(10)), Stretch(3), time)
    assert paced.late_start_ns.tolist() == [3, 3, 3]
    assert paced.latency_ns.tolist() == [7, 7, 7]
    assert paced.service_ns.tolist() == [4, 4, 4]


def test_what_falls_due_in_a_stall_waits_for_the_next_stretch_while_time_stands_still() -> None:
    time, line = SimulatedTime(1000), Line(every(10))
    call = taking(itertools.chain([4, 100], itertools.repeat(4)), time)
    first = run_stretch(call, line, Stretch(2), time)
    # due at 20 and done at 120: those of 30 to 110 wait, and that of 120 is due just now
    assert (first.latency_ns.tolist(), first.waiting, line.free_ns) == ([4, 100], 9, 120)
    time.pass_ns(5_000)
    second = run_stretch(call, line, Stretch(2), time)
    assert second.latency_ns.tolist() == [94, 88]
    assert second.late_start_ns.tolist() == [0, 0]
    assert second.began_ns == 1120 + 5_000
    assert second.waiting == 8


def test_a_schedule_goes_on_where_it_stood() -> None:
    time, line = SimulatedTime(), Line(every(10))
    call = taking(itertools.repeat(4), time)
    run_stretch(call, line, Stretch(3), time)
    time.pass_ns(1_000)
    again = run_stretch(call, line, Stretch(3), time)
    assert [start - again.began_ns for start in again.start_ns] == [6, 16, 26]
    assert again.latency_ns.tolist() == [4, 4, 4]


def test_those_dropped_in_a_stall_are_counted_beyond_the_end() -> None:
    paced = run(itertools.chain([4, 100], itertools.repeat(4)), Stretch(2, "drop"))
    assert (paced.done, paced.dropped) == (2, 9)


def test_a_queue_that_only_grows_makes_a_stretch_no_longer() -> None:
    paced = run(itertools.repeat(20), Stretch(5))
    # from 10 to 110, and those of 60 to 100 wait
    assert (paced.ended_ns, paced.done, paced.waiting) == (1110, 5, 5)


def test_a_schedule_that_ends_ends_the_stretch() -> None:
    paced = run(itertools.repeat(20), Stretch(5), iter([10, 20]))
    assert (paced.done, paced.waiting) == (2, 0)


def test_only_some_are_recorded_and_all_are_run_and_counted() -> None:
    paced = run(itertools.count(1), Stretch(6, stride=3, late_ns=2))
    assert list(paced.due_ns) == [1010, 1040]
    assert paced.service_ns.tolist() == [1, 4]
    assert (paced.done, paced.late) == (6, 4)
    assert run([25, 4, 4], Stretch(5, "drop", stride=3)).dropped == 2


def test_exactly_as_late_as_is_allowed_is_in_time() -> None:
    assert run([25, 4, 4, 4], Stretch(4, late_ns=19)).late == 1
    assert run([25, 4, 4, 4], Stretch(4, late_ns=18)).late == 2


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=30),
    st.lists(st.integers(0, 40), min_size=60, max_size=60),
    st.sampled_from(["queue", "drop"]),
)
@settings(max_examples=60, deadline=None)
def test_inferences_run_one_at_a_time_and_none_is_lost(durations: list[int], gaps: list[int], backlog: Backlog) -> None:
    dues = list(itertools.accumulate(gaps))
    paced = run(itertools.cycle(durations), Stretch(20, backlog), iter(dues))
    assert all(end <= start for end, start in zip(paced.end_ns, paced.start_ns[1:], strict=False))
    assert all(start == ready >= due for start, ready, due in zip(*_columns(paced), strict=True))
    assert paced.done + paced.dropped >= 20
    assert list(paced.due_ns) == [1000 + due for due in dues[: paced.done]] or backlog == "drop"
    assert paced.dropped == 0 or backlog == "drop"


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=30),
    st.lists(st.integers(0, 40), min_size=60, max_size=60),
    st.sampled_from(["queue", "drop"]),
    st.integers(1, 13),
)
@settings(max_examples=60, deadline=None)
def test_short_stretches_are_one_long_one(durations: list[int], gaps: list[int], backlog: Backlog, length: int) -> None:
    dues = list(itertools.accumulate(gaps))
    whole = run(itertools.cycle(durations), Stretch(60, backlog), iter(dues))
    time, line = SimulatedTime(1000), Line(iter(dues))
    call, parts = taking(itertools.cycle(durations), time), list[Paced]()
    while not parts or parts[-1].ended_ns > parts[-1].began_ns:
        time.pass_ns(777)
        parts.append(run_stretch(call, line, Stretch(length, backlog), time))
    assert [latency for part in parts for latency in part.latency_ns.tolist()] == whole.latency_ns.tolist()
    assert sum(part.dropped for part in parts) == whole.dropped


def _columns(paced: Paced) -> tuple[list[int], list[int], list[int]]:
    return list(paced.start_ns), list(paced.ready_ns), list(paced.due_ns)


@pytest.mark.parametrize(("backlog", "misses"), [("queue", 0), ("drop", 0)])
def test_a_stretch_of_a_light_load_has_neither_waiting_nor_dropped(backlog: Backlog, misses: int) -> None:
    paced = run(itertools.repeat(9), Stretch(50, backlog))
    assert (paced.dropped, paced.waiting, paced.done) == (misses, misses, 50)


def test_a_stretch_ends_when_its_time_is_up() -> None:
    time, line = SimulatedTime(), Line(every(1))
    paced = run_stretch(taking(itertools.repeat(10), time), line, Stretch(1000, limit_ns=95), time)
    assert (paced.done, paced.ended_ns) == (10, 101)
    assert paced.waiting == 90


def test_a_queue_is_not_counted_any_further_than_asked_for() -> None:
    time, line = SimulatedTime(), Line(itertools.repeat(1))
    paced = run_stretch(taking(itertools.repeat(10), time), line, Stretch(5, waiting_max=100), time)
    assert (paced.done, paced.waiting) == (5, 100)


def test_when_looking_at_what_is_dropped_takes_too_long_the_next_stretch_begins_with_one_that_is_run() -> None:
    class Slow(SimulatedTime):
        """Every look at the clock takes as long as ten inferences are apart."""

        def now(self) -> int:
            self.pass_ns(10)
            return super().now()

    time, line = Slow(), Line(every(1))
    for _ in range(3):
        paced = run_stretch(taking(itertools.repeat(50), time), line, Stretch(10**9, "drop", limit_ns=1000), time)
        assert paced.done >= 1
        assert paced.dropped > 1
        assert paced.ended_ns - paced.began_ns < 1500
