"""A stretch of inferences that are due at moments of their own."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.device.bench.pacing import Time
from edgetl.device.bench.timing import Subject
from edgetl.scenario import Backlog


@dataclass(frozen=True)
class Stretch:
    """How much of a schedule to run."""

    inferences: int
    """That are due at least."""
    backlog: Backlog = "queue"
    extra_ns: int = 0
    """How long to go on, from the moment when the last of them is due, while others wait: those which fell due in a
    stall belong to the stretch in which it happened."""
    stride: int = 1
    """Of so many due inferences one is recorded; all are run, or dropped."""


@dataclass(frozen=True)
class Paced:
    """One entry for each recorded inference that was done, in time order; nanoseconds on the clock of the run."""

    due_ns: array[int]
    ready_ns: array[int]
    """When it could have begun: it was due, and none before it ran any more."""
    start_ns: array[int]
    end_ns: array[int]
    began_ns: int
    """When the schedule's beginning was."""
    last_due_ns: int
    """When the last inference was due that was run or dropped."""
    ended_ns: int
    done: int
    """Inferences, whether recorded or not."""
    dropped: int
    """Recorded inferences that were not begun, because another ran when they were due."""
    waiting: int
    """Inferences that were due and not begun when the stretch ended."""

    @property
    def span_ns(self) -> int:
        """The part of the schedule that was run; the work of its last inference is not added when it kept up."""
        return (self.ended_ns if self.waiting else self.last_due_ns) - self.began_ns

    @property
    def latency_ns(self) -> NDArray[np.int64]:
        """From the moment an inference was due to its end."""
        return _difference(self.end_ns, self.due_ns)

    @property
    def service_ns(self) -> NDArray[np.int64]:
        """From its beginning to its end."""
        return _difference(self.end_ns, self.start_ns)

    @property
    def late_start_ns(self) -> NDArray[np.int64]:
        """How much later than it could an inference began: overshoot of sleeping, and work of the loop itself."""
        return _difference(self.start_ns, self.ready_ns)


def run_stretch(call: Subject, dues_ns: Iterator[int], stretch: Stretch, time: Time) -> Paced:
    """Run inferences one after another as they fall due.

    Args:
        call: one inference.
        dues_ns: moments after the beginning of the stretch, which is now; ascending.
        stretch: how much of it. With ``backlog="queue"`` one that was due while another ran begins as soon as that is
            done; with ``"drop"`` it is not run.
        time: whose clock counts.
    """
    due_ns, ready_ns, start_ns, end_ns = array("q"), array("q"), array("q"), array("q")
    began = free = last_due = planned_end = time.now()
    done = dropped = waiting = 0
    for index, offset in enumerate(dues_ns):
        due = began + offset
        if index < stretch.inferences:
            planned_end = due
        elif due >= free or free > planned_end + stretch.extra_ns:
            waiting = _count_before(free - began, offset, dues_ns) if stretch.backlog == "queue" else 0
            break
        last_due, observed = due, index % stretch.stride == 0
        if due < free and stretch.backlog == "drop":
            dropped += observed
            continue
        time.sleep_until(due)
        start = time.now()
        call()
        end = time.now()
        if observed:
            due_ns.append(due)
            ready_ns.append(max(due, free))
            start_ns.append(start)
            end_ns.append(end)
        free, done = end, done + 1
    return Paced(due_ns, ready_ns, start_ns, end_ns, began, last_due, free, done, dropped, waiting)


def _count_before(moment_ns: int, first_ns: int, more_ns: Iterator[int]) -> int:
    return sum(1 for _ in itertools.takewhile(lambda due: due < moment_ns, itertools.chain((first_ns,), more_ns)))


def _difference(later: array[int], earlier: array[int]) -> NDArray[np.int64]:
    return np.asarray(later, dtype=np.int64) - np.asarray(earlier, dtype=np.int64)
