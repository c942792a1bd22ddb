"""Warm-up, and the loop that all timing without a rate is made of."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from edgetl.device.bench.plan import Plan
from edgetl.device.bench.timing.subject import SECOND, Clock, Subject

_WINDOW_CALLS, _WINDOW_CALLS_MAX, _WINDOW_NS = 3, 1000, 20_000_000
_STEADY = 1.05


@dataclass(frozen=True)
class Warm:
    """How warm-up went."""

    calls: int
    steady: bool
    """Whether it ended because latency had settled, not because its time was up."""
    typical_ns: float
    """Median of its last window, at least 1."""


def warm_up(call: Subject, plan: Plan, clock: Clock) -> Warm:
    """Call until the medians of the last three windows lie within 5 %, within the limits of the plan."""
    calls, spent_ns, steady = 0, 0, False
    medians: list[float] = []
    while not steady and (spent_ns < plan.warmup_cap_s * SECOND or not medians):
        window = _window(call, clock)
        calls, spent_ns = calls + len(window), spent_ns + sum(window)
        medians.append(statistics.median(window))
        settled = len(medians) >= 3 and max(medians[-3:]) <= _STEADY * min(medians[-3:])
        steady = settled and calls >= plan.warmup_min and spent_ns >= plan.warmup_s * SECOND
    return Warm(calls, steady, typical_ns=max(medians[-1], 1.0))


def warm_up_share(plan: Plan) -> float:
    """Share of a run's time that the plan gives to warm-up."""
    return plan.warmup_s / (plan.warmup_s + plan.min_s) if plan.warmup_s > 0 else 0.0


def time_calls(call: Subject, samples: int, clock: Clock, stride: int = 1) -> list[int]:
    """Nanoseconds of ``samples`` calls, back to back; of every ``stride`` calls the last is timed."""
    found = [0] * samples
    for index in range(samples):
        for _ in range(stride - 1):
            call()
        start = clock()
        call()
        found[index] = clock() - start
    return found


def _window(call: Subject, clock: Clock) -> list[int]:
    samples = time_calls(call, _WINDOW_CALLS, clock)
    more = (_WINDOW_NS - sum(samples)) // max(min(samples), 1)
    return samples + time_calls(call, max(0, min(more, _WINDOW_CALLS_MAX)), clock)
