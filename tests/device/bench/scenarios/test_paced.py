from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.bench.pacing import SimulatedTime
from edgetl.device.bench.scenarios.paced import Paced, Stretch, run_stretch
from edgetl.scenario import Backlog


def every(period: int) -> Iterator[int]:
    return itertools.count(period, period)


def taking(durations: Iterable[int], time: SimulatedTime) -> Callable[[], None]:
    turn = iter(durations)
    return lambda: time.pass_ns(next(turn))


def run(durations: Iterable[int], stretch: Stretch, dues: Iterator[int] | None = None) -> Paced:
    time = SimulatedTime(1000)
    return run_stretch(taking(durations, time), dues or every(10), stretch, time)


def test_inferences_that_are_quick_enough_begin_when_they_are_due() -> None:
    paced = run(itertools.repeat(4), Stretch(3))
    assert list(paced.due_ns) == list(paced.start_ns) == list(paced.ready_ns) == [1010, 1020, 1030]
    assert list(paced.end_ns) == [1014, 1024, 1034]
    assert (paced.began_ns, paced.last_due_ns, paced.ended_ns, paced.span_ns) == (1000, 1030, 1034, 30)
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
    paced = run_stretch(taking(itertools.repeat(4), time), every(10), Stretch(3), time)
    assert paced.late_start_ns.tolist() == [3, 3, 3]
    assert paced.latency_ns.tolist() == [7, 7, 7]
    assert paced.service_ns.tolist() == [4, 4, 4]


def test_what_falls_due_in_a_stall_belongs_to_the_stretch() -> None:
    paced = run(itertools.chain([4, 100], itertools.repeat(4)), Stretch(2, extra_ns=10_000))
    # due at 1020, done at 1120; then 6 ns are gained at each of those waiting since 1030
    assert paced.latency_ns.tolist()[:4] == [4, 100, 94, 88]
    assert paced.latency_ns.min() == 4
    assert paced.waiting == 0
    assert paced.done == 17  # whose end is when the next is due


def test_those_dropped_in_a_stall_are_counted_beyond_the_end() -> None:
    paced = run(itertools.chain([4, 100], itertools.repeat(4)), Stretch(2, "drop", extra_ns=10_000))
    assert (paced.done, paced.dropped) == (2, 9)


def test_a_queue_that_only_grows_ends_when_time_is_up() -> None:
    paced = run(itertools.repeat(20), Stretch(5, extra_ns=200))
    # the fifth is due at 1050; the first to end more than 200 ns later ends at 1270
    assert (paced.ended_ns, paced.span_ns, paced.done) == (1270, 270, 13)
    # due before 1270 are 26
    assert paced.waiting == 13


def test_only_some_are_recorded_and_all_are_run() -> None:
    paced = run(itertools.count(1), Stretch(6, stride=3))
    assert list(paced.due_ns) == [1010, 1040]
    assert paced.service_ns.tolist() == [1, 4]
    assert paced.done == 6


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=30),
    st.lists(st.integers(0, 40), min_size=60, max_size=60),
    st.sampled_from(["queue", "drop"]),
    st.sampled_from([0, 50, 100_000]),
)
@settings(max_examples=60, deadline=None)
def test_inferences_run_one_at_a_time_and_none_is_lost(
    durations: list[int], gaps: list[int], backlog: Backlog, extra: int
) -> None:
    dues = list(itertools.accumulate(gaps))
    stretch = Stretch(20, backlog, extra)
    paced = run(itertools.cycle(durations), stretch, iter(dues))
    assert all(end <= start for end, start in zip(paced.end_ns, paced.start_ns[1:], strict=False))
    assert all(start == ready >= due for start, ready, due in zip(*_columns(paced), strict=True))
    assert paced.done + paced.dropped >= 20
    assert list(paced.due_ns) == [1000 + due for due in dues[: paced.done]] or backlog == "drop"
    assert paced.dropped == 0 or backlog == "drop"


def _columns(paced: Paced) -> tuple[list[int], list[int], list[int]]:
    return list(paced.start_ns), list(paced.ready_ns), list(paced.due_ns)


@pytest.mark.parametrize(("backlog", "misses"), [("queue", 0), ("drop", 0)])
def test_a_stretch_of_a_light_load_has_neither_waiting_nor_dropped(backlog: Backlog, misses: int) -> None:
    paced = run(itertools.repeat(9), Stretch(50, backlog, extra_ns=1000))
    assert (paced.dropped, paced.waiting, paced.done) == (misses, misses, 50)
