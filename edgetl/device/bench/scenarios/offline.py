"""Everything is there at the start: only throughput counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from edgetl.device.bench.percent import Told
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.scenarios.streams import Drain, draining
from edgetl.device.bench.timing import Clock, Subject, Timed
from edgetl.device.bench.timing.rounds import Tally, part_from, take_turns
from edgetl.device.bench.timing.subject import SECOND
from edgetl.device.bench.timing.warm_up import Warm, warm_up, warm_up_share


def time_offline(
    subjects: Mapping[str, Sequence[Subject]], plan: Plan, clock: Clock, told: Told | None = None
) -> dict[str, Timed]:
    """Run heaps of inferences as fast as the runners of each subject can, in blocks that take turns.

    Every runner is warmed up by itself. A block begins with one call of each that is not measured. The plan's
    number of samples does not count.

    Returns:
        No samples; ``block_items`` inferences took ``block_walls_ns`` of wall time.
    """
    share = warm_up_share(plan)
    warm: dict[str, tuple[Warm, ...]] = {}
    for name, calls in subjects.items():
        warm[name] = tuple(warm_up(call, plan, clock) for call in calls)
        part_from(0.0, told)(share * len(warm) / len(subjects))
    with ExitStack() as threads:
        series = {
            name: _Series(threads.enter_context(draining(calls)), len(calls), _heap(warm[name], plan), clock)
            for name, calls in subjects.items()
        }
        take_turns(tuple(series.values()), replace(plan, min_samples=0), part_from(share, told))
    return {name: one.timed(warm[name]) for name, one in series.items()}


class _Series:
    def __init__(self, drain: Drain, streams: int, heap: int, clock: Clock) -> None:
        self._drain, self._streams, self._heap, self._clock = drain, streams, heap, clock
        self.tally = Tally()

    def run_block(self) -> None:
        self._drain(self._streams)
        began = self._clock()
        self._drain(self._heap)
        self.tally.add(began, self._clock(), items=self._heap, samples=0)

    def timed(self, warm: tuple[Warm, ...]) -> Timed:
        return Timed(
            samples_ns=(),
            blocks=(),
            warmup=sum(one.calls for one in warm) + self._streams * len(self.tally.items),
            steady=all(one.steady for one in warm),
            block_starts_ns=tuple(self.tally.starts_ns),
            block_walls_ns=tuple(self.tally.walls_ns),
            block_items=tuple(self.tally.items),
        )


def _heap(warm: tuple[Warm, ...], plan: Plan) -> int:
    """As many inferences as fit into a block, and not fewer than there are runners."""
    seconds = min(max(plan.block_s, plan.min_s / plan.min_blocks), plan.cap_s / plan.min_blocks)
    return max(len(warm), math.ceil(sum(seconds * SECOND / one.typical_ns for one in warm)))
