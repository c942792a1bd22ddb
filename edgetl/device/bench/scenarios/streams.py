"""Several runners at once, each in its own thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

from edgetl.device.bench.timing import Subject


class Drain(Protocol):
    """Runs so many inferences as fast as its runners can."""

    def __call__(self, inferences: int) -> None:
        """Return when all are done."""


@contextmanager
def at_once(calls: Sequence[Subject]) -> Iterator[Subject]:
    """A subject that makes all calls at once and returns when the slowest is done.

    Runtimes let other Python threads run while they infer; what else a call does in Python is done by turns. An error
    of a call is raised by the subject.
    """
    with ThreadPoolExecutor(max(1, len(calls) - 1)) as threads:
        yield lambda: _all(threads, calls)


@contextmanager
def draining(calls: Sequence[Subject]) -> Iterator[Drain]:
    """What runs a heap of inferences; each runner takes the next as soon as it is free."""
    with ThreadPoolExecutor(max(1, len(calls) - 1)) as threads:
        yield lambda inferences: _drain(threads, calls, inferences)


def _all(threads: Executor, calls: Sequence[Subject]) -> None:
    others = [threads.submit(call) for call in calls[1:]]
    calls[0]()
    for other in others:
        other.result()


def _drain(threads: Executor, calls: Sequence[Subject], inferences: int) -> None:
    heap = deque(range(inferences))

    def work(call: Subject) -> None:
        while True:
            try:
                # not "while heap": another thread may take the last one in between
                heap.pop()
            except IndexError:
                return
            call()

    others = [threads.submit(work, call) for call in calls[1:]]
    work(calls[0])
    for other in others:
        other.result()
