"""Back to back: the next inference as soon as the last is done."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Mapping
from dataclasses import dataclass

from edgetl.device.bench.percent import Told
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.timing.rounds import (
    Tally,
    every_second,
    halved,
    part_from,
    samples_each,
    samples_kept,
    samples_kept_next,
    stride_of,
    take_turns,
)
from edgetl.device.bench.timing.subject import SECOND, Clock, Subject
from edgetl.device.bench.timing.timed import Timed
from edgetl.device.bench.timing.warm_up import Warm, time_calls, warm_up, warm_up_share


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
        Samples per name, in the order of ``subjects``. No sample is dropped for its value; where there would be more
        than :data:`edgetl.device.bench.timing.rounds.SAMPLES_MAX`, every k-th call is timed. Where calls become so much
        faster than in warm-up that there are more all the same, every second sample is let go and k doubled.
    """
    share = warm_up_share(plan)
    warm: dict[str, Warm] = {}
    for name, call in subjects.items():
        warm[name] = warm_up(call, plan, clock)
        part_from(0.0, told)(share * len(warm) / len(subjects))
    sizes = _sizes(warm, plan)
    series = {name: _Series(call, clock, sizes[name]) for name, call in subjects.items()}
    take_turns(tuple(series.values()), plan, part_from(share, told))
    return {name: one.timed(warm[name]) for name, one in series.items()}


@dataclass(frozen=True)
class _Size:
    """Of a block."""

    samples: int
    stride: int
    samples_max: int
    """Of all blocks together."""


class _Series:
    def __init__(self, call: Subject, clock: Clock, size: _Size) -> None:
        self._call, self._clock, self._size = call, clock, size
        self._samples = array("q")
        self._blocks: list[int] = []
        self.tally = Tally()

    def run_block(self) -> None:
        self._call()
        began = self._clock()
        samples = time_calls(self._call, self._size.samples, self._clock, self._size.stride)
        ended = self._clock()
        self._samples.extend(samples)
        self._blocks.append(len(samples))
        self.tally.add(began, ended, items=len(samples) * self._size.stride, samples=len(samples))
        if self.tally.samples > self._size.samples_max:
            self._thin_out()

    def timed(self, warm: Warm) -> Timed:
        return Timed(
            samples_ns=tuple(self._samples),
            blocks=tuple(self._blocks),
            warmup=warm.calls + len(self._blocks),
            steady=warm.steady,
            block_starts_ns=tuple(self.tally.starts_ns),
            block_walls_ns=tuple(self.tally.walls_ns),
            block_items=tuple(self.tally.items),
        )

    def _thin_out(self) -> None:
        self._samples = every_second(self._samples, self._blocks)
        self._blocks = halved(self._blocks)
        self.tally.samples = len(self._samples)
        self._size = _Size(
            samples=-(-self._size.samples // 2),
            stride=2 * self._size.stride,
            samples_max=samples_kept_next(len(self._samples), self._size.samples_max),
        )


def _sizes(warm: Mapping[str, Warm], plan: Plan) -> dict[str, _Size]:
    typical_s = {name: one.typical_ns / SECOND for name, one in warm.items()}
    needed = {name: _needed(typical, plan) for name, typical in typical_s.items()}
    longest_s = max(needed[name] * typical for name, typical in typical_s.items())
    # a block has at least one call, so more rounds than that would only repeat a slow subject
    rounds = min(max(plan.min_blocks, math.ceil(longest_s / plan.block_s)), *needed.values())
    strides = {name: stride_of(count, samples_each(len(warm))) for name, count in needed.items()}
    most = samples_kept(len(warm), plan)
    return {
        name: _Size(math.ceil(math.ceil(count / rounds) / strides[name]), strides[name], most)
        for name, count in needed.items()
    }


def _needed(typical_s: float, plan: Plan) -> int:
    wanted = max(plan.min_samples, math.ceil(plan.min_s / typical_s))
    return max(1, min(wanted, int(plan.cap_s / typical_s)))
