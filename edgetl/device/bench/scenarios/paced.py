"""A stretch of inferences that are due at moments of their own."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections import deque
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
    """That are taken from it: run, or dropped; of those that are dropped, all that fell due meanwhile."""
    backlog: Backlog = "queue"
    stride: int = 1
    """Of so many that are run one is recorded; all are counted."""
    late_ns: int = sys.maxsize
    """A longer latency is late."""
    waiting_max: int = sys.maxsize
    """Where a queue is not counted any further."""
    limit_ns: int = sys.maxsize
    """After which none is begun any more, however many are left."""


class Line:
    """Inferences that wait for one subject, and a time of their own that stands still between stretches.

    So a stretch begins with the backlog that the one before it left, and many short ones are one long run.

    Args:
        dues_ns: moments after the line's beginning, ascending.
    """

    def __init__(self, dues_ns: Iterator[int]) -> None:
        self._dues_ns = dues_ns
        self._ahead: deque[int] = deque()
        self.free_ns = 0
        """When the last inference ended, in the line's time; there it stands still."""

    def __iter__(self) -> Iterator[int]:
        """Moments of those that are left, which are taken by that."""
        return self

    def __next__(self) -> int:
        """The next one."""
        return self._ahead.popleft() if self._ahead else next(self._dues_ns)

    def put_back(self, due_ns: int) -> None:
        """It is the next one again."""
        self._ahead.appendleft(due_ns)

    def waiting(self, most: int = sys.maxsize) -> int:
        """How many are due and not begun; of more than ``most`` no more are looked at."""
        while len(self._ahead) < most and (not self._ahead or self._ahead[-1] < self.free_ns):
            due = next(self._dues_ns, None)
            if due is None:
                break
            self._ahead.append(due)
        return bisect_left(self._ahead, self.free_ns)


@dataclass(frozen=True)
class Paced:
    """One entry for each recorded inference that was done, in time order; nanoseconds on the clock of the run."""

    due_ns: array[int]
    """Of one that waited since an earlier stretch: as if the line's time had never stood still."""
    ready_ns: array[int]
    """When it could have begun: it was due, and none before it ran any more."""
    start_ns: array[int]
    end_ns: array[int]
    began_ns: int
    ended_ns: int
    done: int
    """Inferences, whether recorded or not."""
    late: int
    """Of those, whether recorded or not."""
    dropped: int
    """Inferences that were not begun, because another ran when they were due."""
    waiting: int
    """Inferences that were due and not begun when the stretch ended, as far as they were counted."""

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


def run_stretch(call: Subject, line: Line, stretch: Stretch, time: Time) -> Paced:
    """Run inferences one after another as they fall due.

    Args:
        call: one inference.
        line: whose time goes on from where it stood, now.
        stretch: how much of it. With ``backlog="queue"`` one that was due while another ran begins as soon as that is
            done; with ``"drop"`` it is not run.
        time: whose clock counts.
    """
    due_ns, ready_ns, start_ns, end_ns = array("q"), array("q"), array("q"), array("q")
    began = free = time.now()
    shift = began - line.free_ns
    latest = began + stretch.limit_ns
    done = late = dropped = 0
    for offset in line:
        due = shift + offset
        is_too_late = due < free and stretch.backlog == "drop"
        if done + dropped >= stretch.inferences and not is_too_late:
            line.put_back(offset)
            break
        if free >= latest or (is_too_late and time.now() >= latest):
            line.put_back(offset)
            free = time.now()
            # what was not looked at in time falls due when the line goes on, and is not late then
            shift = free - offset if is_too_late else shift
            break
        if is_too_late:
            dropped += 1
            continue
        time.sleep_until(due)
        start = time.now()
        call()
        end = time.now()
        if done % stretch.stride == 0:
            due_ns.append(due)
            ready_ns.append(max(due, free))
            start_ns.append(start)
            end_ns.append(end)
        late += end - due > stretch.late_ns
        free, done = end, done + 1
    line.free_ns = free - shift
    waiting = line.waiting(stretch.waiting_max) if stretch.backlog == "queue" else 0
    return Paced(due_ns, ready_ns, start_ns, end_ns, began, free, done, late, dropped, waiting)


def _difference(later: array[int], earlier: array[int]) -> NDArray[np.int64]:
    return np.asarray(later, dtype=np.int64) - np.asarray(earlier, dtype=np.int64)
