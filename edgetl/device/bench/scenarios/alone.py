"""One subject alone for a while, under the load it was timed with: no samples, only how much was done and when."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgetl.device.bench.pacing import Time
from edgetl.device.bench.scenarios.paced import Line, Stretch, run_stretch
from edgetl.device.bench.scenarios.schedule import rate_of, schedule
from edgetl.device.bench.scenarios.streams import at_once, draining
from edgetl.device.bench.timing import Subject
from edgetl.device.bench.timing.subject import SECOND
from edgetl.scenario import Scenario, ScenarioKind

_HEAPS = 10
"""A heap of inferences takes this part of the time or more, so that runners seldom wait for each other."""


@dataclass(frozen=True)
class Alone:
    """What one subject did while nothing else ran."""

    window_ns: tuple[int, int]
    """From its beginning to its end, on the clock of the run."""
    inferences: int
    """That ended meanwhile."""


def run_alone(calls: Sequence[Subject], scenario: Scenario, duration_ns: int, time: Time) -> Alone:
    """Run inferences as they arrive in a scenario, until ``duration_ns`` have passed.

    At a rate the time is rounded up to whole periods, the first inference is due at once, and what still waits at the
    end is left; so a period has its inference and its pause, and a queue that grows does not make the run longer.

    Args:
        calls: as many as the scenario has streams, each with a runner of its own.
        scenario: how inferences arrive.
        duration_ns: for how long, at least.
        time: whose clock counts.
    """
    return _RUNS[scenario.kind](calls, scenario, duration_ns, time)


def _back_to_back(calls: Sequence[Subject], scenario: Scenario, duration_ns: int, time: Time) -> Alone:
    call, began, done = calls[0], time.now(), 0
    while (now := time.now()) < began + duration_ns or not done:
        call()
        done += 1
    return Alone((began, now), done)


def _at_once(calls: Sequence[Subject], scenario: Scenario, duration_ns: int, time: Time) -> Alone:
    with at_once(calls) as query:
        queries = _back_to_back((query,), scenario, duration_ns, time)
    return Alone(queries.window_ns, queries.inferences * len(calls))


def _paced(calls: Sequence[Subject], scenario: Scenario, duration_ns: int, time: Time) -> Alone:
    period_ns = SECOND / rate_of(scenario)
    began = time.now()
    length_ns = round(math.ceil(duration_ns / period_ns) * period_ns)
    dues = itertools.chain((0,), schedule(scenario))
    within = itertools.takewhile(lambda due: due < length_ns and time.now() < began + length_ns, dues)
    # what is due decides when it ends, not a number
    paced = run_stretch(calls[0], Line(within), Stretch(sys.maxsize, scenario.backlog), time)
    time.sleep_until(began + length_ns)
    return Alone((began, time.now()), paced.done)


def _offline(calls: Sequence[Subject], scenario: Scenario, duration_ns: int, time: Time) -> Alone:
    heap, done, began = len(calls), 0, time.now()
    with draining(calls) as drain:
        while (now := time.now()) < began + duration_ns or not done:
            drain(heap)
            done += heap
            if time.now() - now < duration_ns / _HEAPS:
                heap *= 2
    return Alone((began, now), done)


_RUNS: Mapping[ScenarioKind, Callable[[Sequence[Subject], Scenario, int, Time], Alone]] = {
    "single-stream": _back_to_back,
    "multi-stream": _at_once,
    "server": _paced,
    "periodic": _paced,
    "offline": _offline,
}
