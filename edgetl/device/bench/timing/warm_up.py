"""Warm-up, and the loop that all timing without a rate is made of."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from edgetl.device.bench.plan import Plan
from edgetl.device.bench.timing.subject import SECOND, Clock, Subject

CALLS_MIN, _SAMPLES, _SAMPLES_MAX = 3, 1000, 10_000
"""Of a window. It needs no more than 1000; there may be more where calls became faster meanwhile."""
WINDOWS, _STEADY = 3, 1.05


@dataclass(frozen=True)
class Warm:
    """How warm-up went."""

    calls: int
    steady: bool
    """Whether latency had settled by its end."""
    typical_ns: float
    """Median of its last window, at least 1."""


def warm_up(call: Subject, plan: Plan, clock: Clock) -> Warm:
    """Call until the medians of the last three windows lie within 5 %, within the limits of the plan.

    A change that is slower than the windows shows is not seen: a clock that takes ten seconds to rise by a fifth
    changes medians of half a second by 1 % each. Drift during the run is then found in its samples.
    """
    calls, began, window_ns = 0, clock(), round(plan.window_s * SECOND)
    settled = warm = False
    medians: list[float] = []
    while not warm and (clock() - began < plan.warmup_cap_s * SECOND or not medians):
        done, median = _window(call, window_ns, clock)
        if clock() == began:
            # the clock does not see such calls, so it never will
            return Warm(calls + done, steady=False, typical_ns=1.0)
        calls, medians = calls + done, [*medians, median][-WINDOWS:]
        settled = len(medians) == WINDOWS and max(medians) <= _STEADY * min(medians)
        warm = settled and calls >= plan.warmup_min and clock() - began >= plan.warmup_s * SECOND
    # a slow model may settle long before it was called as often as the plan asks
    return Warm(calls, settled, typical_ns=max(medians[-1], 1.0))


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


def _window(call: Subject, window_ns: int, clock: Clock) -> tuple[int, float]:
    """Calls and their median; of very short calls, one of every few is timed."""
    began = clock()
    samples = time_calls(call, CALLS_MIN, clock)
    shortest = min(samples)
    stride = 1 + window_ns // (_SAMPLES * shortest) if shortest > 0 else 1
    while clock() - began < window_ns and len(samples) < _SAMPLES_MAX:
        samples += time_calls(call, 1, clock, stride)
    return CALLS_MIN + stride * (len(samples) - CALLS_MIN), statistics.median(samples)
