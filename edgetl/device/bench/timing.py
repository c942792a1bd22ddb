"""Interleaved timing: subjects take turns in short blocks, so that drift of the machine meets all of them alike."""

from __future__ import annotations

import gc
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from edgetl.device.bench.percent import Told
from edgetl.device.bench.plan import Plan
from edgetl.measurement import Scope, percentile, supports
from edgetl.result import Latency

T = TypeVar("T")
Subject: TypeAlias = Callable[[], object]
Clock: TypeAlias = Callable[[], int]
"""Nanoseconds of a monotonic clock."""

_WINDOW_CALLS, _WINDOW_CALLS_MAX, _WINDOW_NS = 3, 1000, 20_000_000
_STEADY = 1.05
_SAMPLES_MAX = 1_000_000
"""More of them would only fill the memory of a small device."""
_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Timed:
    """Every sample of one subject, in time order."""

    samples_ns: tuple[int, ...]
    blocks: tuple[int, ...]
    """Length of each block, in order."""
    warmup: int
    """Calls that are not among the samples."""
    steady: bool
    """Whether latency had settled before measuring began."""


def interleave(
    subjects: Mapping[str, Subject], plan: Plan, clock: Clock = time.perf_counter_ns, told: Told | None = None
) -> dict[str, Timed]:
    """Time subjects against each other in one run.

    Each is warmed up until the medians of its last three windows lie within 5 %. Then rounds follow, in each of which
    every subject runs one block; each order is followed by its reverse, then rotated by one. Blocks are as long as it
    takes for all subjects to have enough samples after about the same number of rounds. A block begins with one call
    that is not measured, because caches still hold another subject's data.

    Args:
        subjects: what to call, by name; results are dropped.
        plan: when to stop. All go on until the last one is done, so that their blocks stay side by side.
        clock: nanoseconds, monotonic.
        told: hears how much is done, between blocks; warm-up counts as the share of time that the plan gives it.

    Returns:
        Samples per name, in the order of ``subjects``. No sample is dropped.
    """
    hear, share = told or _nobody, _warm_up_share(plan)
    warm: list[_Series] = []
    for name, call in subjects.items():
        warm.append(_warm_up(call, name, plan, clock))
        hear(share * len(warm) / len(subjects))
    series = _planned(warm, plan)
    for order in _orders(len(series)):
        for index in order:
            series[index].run_block(clock)
        hear(share + (1 - share) * min(one.fraction_done(plan) for one in series))
        if all(one.is_done(plan) for one in series):
            break
    return {one.name: one.timed() for one in series}


def rotating(call: Callable[[T], object], arguments: Sequence[T]) -> Subject:
    """A subject that takes the next argument at every call, so that no input stays in the cache for ever."""
    turn = itertools.cycle(arguments)
    return lambda: call(next(turn))


def latency(timed: Timed, scope: Scope) -> Latency:
    """Samples with the percentiles that their number supports."""
    samples = timed.samples_ns

    def supported(percent: float) -> int | None:
        return percentile(samples, percent) if supports(len(samples), percent) else None

    return Latency(
        scope=scope,
        n=len(samples),
        p50_ns=supported(50.0),
        p90_ns=supported(90.0),
        p95_ns=supported(95.0),
        p99_ns=supported(99.0),
        p999_ns=supported(99.9),
        min_ns=min(samples),
        max_ns=max(samples),
        warmup=timed.warmup,
        steady=timed.steady,
        samples_ns=samples,
        blocks=timed.blocks,
    )


@dataclass
class _Series:
    name: str
    call: Subject
    typical_ns: float
    warmup: int
    steady: bool
    calls_per_block: int = 1
    samples: list[int] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    spent_ns: int = 0

    def run_block(self, clock: Clock) -> None:
        with _no_garbage_collection():
            self.call()
            samples = _time(self.call, self.calls_per_block, clock)
        self.warmup += 1
        self.samples += samples
        self.blocks.append(len(samples))
        self.spent_ns += sum(samples)

    def fraction_done(self, plan: Plan) -> float:
        spent_s = self.spent_ns / _SECOND
        parts = [len(self.samples) / max(plan.min_samples, 1), len(self.blocks) / max(plan.min_blocks, 1)]
        if plan.min_s > 0:
            parts.append(max(spent_s / plan.min_s, len(self.samples) / _SAMPLES_MAX))
        return min(1.0, max(min(parts), spent_s / plan.cap_s))

    def is_done(self, plan: Plan) -> bool:
        enough = len(self.samples) >= plan.min_samples and len(self.blocks) >= plan.min_blocks
        timed_long = self.spent_ns >= plan.min_s * _SECOND or len(self.samples) >= _SAMPLES_MAX
        return (enough and timed_long) or self.spent_ns >= plan.cap_s * _SECOND

    def timed(self) -> Timed:
        return Timed(tuple(self.samples), tuple(self.blocks), self.warmup, self.steady)


def _nobody(fraction: float) -> None:
    """Nobody listens."""


def _warm_up_share(plan: Plan) -> float:
    return plan.warmup_s / (plan.warmup_s + plan.min_s) if plan.warmup_s > 0 else 0.0


def _warm_up(call: Subject, name: str, plan: Plan, clock: Clock) -> _Series:
    calls, spent_ns, steady = 0, 0, False
    medians: list[float] = []
    while not steady and (spent_ns < plan.warmup_cap_s * _SECOND or not medians):
        window = _window(call, clock)
        calls, spent_ns = calls + len(window), spent_ns + sum(window)
        medians.append(statistics.median(window))
        settled = len(medians) >= 3 and max(medians[-3:]) <= _STEADY * min(medians[-3:])
        steady = settled and calls >= plan.warmup_min and spent_ns >= plan.warmup_s * _SECOND
    return _Series(name, call, typical_ns=max(medians[-1], 1.0), warmup=calls, steady=steady)


def _planned(series: list[_Series], plan: Plan) -> list[_Series]:
    needed = [_needed(one.typical_ns / _SECOND, plan) for one in series]
    longest_s = max(count * one.typical_ns / _SECOND for count, one in zip(needed, series, strict=True))
    # a block has at least one call, so more rounds than that would only repeat a slow subject
    rounds = min(max(plan.min_blocks, math.ceil(longest_s / plan.block_s)), *needed)
    return [replace(one, calls_per_block=math.ceil(count / rounds)) for count, one in zip(needed, series, strict=True)]


def _needed(typical_s: float, plan: Plan) -> int:
    wanted = max(plan.min_samples, math.ceil(plan.min_s / typical_s))
    return max(1, min(wanted, int(plan.cap_s / typical_s), _SAMPLES_MAX))


def _window(call: Subject, clock: Clock) -> list[int]:
    samples = _time(call, _WINDOW_CALLS, clock)
    more = (_WINDOW_NS - sum(samples)) // max(min(samples), 1)
    return samples + _time(call, max(0, min(more, _WINDOW_CALLS_MAX)), clock)


def _time(call: Subject, calls: int, clock: Clock) -> list[int]:
    samples = [0] * calls
    for index in range(calls):
        start = clock()
        call()
        samples[index] = clock() - start
    return samples


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    """For two subjects: 01, 10, 10, 01, and so on."""
    for turn in itertools.count():
        order = tuple((index + turn) % count for index in range(count))
        yield order
        yield order[::-1]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
