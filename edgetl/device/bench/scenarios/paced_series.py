"""Subjects whose inferences are due at moments of their own, in blocks that take turns."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgetl.device.bench.pacing import Time
from edgetl.device.bench.percent import Told
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.scenarios.paced import Line, Paced, Stretch, run_stretch
from edgetl.device.bench.scenarios.schedule import rate_of, schedule
from edgetl.device.bench.timing import Subject, Timed
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
from edgetl.device.bench.timing.subject import SECOND
from edgetl.device.bench.timing.warm_up import Warm, warm_up, warm_up_share
from edgetl.measurement import percentile
from edgetl.scenario import Scenario

_BLOCK_MIN = 10
"""Inferences in a block, where the plan leaves time for them: fewer would mostly show the change of subjects."""
_RUN_RELAXATIONS, _BLOCK_RELAXATIONS, _WARM_RELAXATIONS = 100, 5, 5
"""How long a run is, a block and warm-up at the rate, by the time in which a queue forgets how long it was."""
_WAITING_MIN, _WAITING_MAX = 1_000, 250_000
"""Bounds of how long a queue may become: random arrivals that fit never reach the first, and the second takes 10 MB."""
_WARM_SHARE = 0.1
"""Of the plan's cap, that warm-up at the rate takes at most."""


def time_paced(
    subjects: Mapping[str, Subject], scenario: Scenario, plan: Plan, time: Time, told: Told | None = None
) -> dict[str, Timed]:
    """Time subjects against each other at the scenario's rate.

    Each is warmed up back to back, then at its rate, because clocks fall between inferences and a queue grows from
    nothing. Blocks take turns as in :func:`edgetl.device.bench.timing.interleave`. While others have their turn a
    subject's schedule stands still, and its next block begins with the backlog that the last one left, so that all its
    blocks are one long run; between them is one call that is not measured, because caches hold another subject's data.
    With random arrivals a run lasts for 100 relaxation times of the slowest subject's queue (see
    :func:`relaxation_s`), as far as the plan's cap allows, and a block for 5, so that blocks tell of different queues.
    A subject whose queue has grown beyond what the plan's cap has time for has ended.

    Returns:
        ``samples_ns`` from the moment each inference was due, less the turns of others; ``service_ns`` from when it
        began.
    """
    share = warm_up_share(plan)
    warm: dict[str, Warm] = {}
    for name, call in subjects.items():
        warm[name] = warm_up(call, plan, time.now)
        part_from(0.0, told)(share * len(warm) / len(subjects))
    relaxation = max(relaxation_s(scenario, one.typical_ns / SECOND) for one in warm.values())
    longer = replace(
        plan,
        min_s=max(plan.min_s, min(_RUN_RELAXATIONS * relaxation, plan.cap_s)),
        block_s=max(plan.block_s, _BLOCK_RELAXATIONS * relaxation),
    )
    warm_s = min(_WARM_RELAXATIONS * relaxation, _WARM_SHARE * plan.cap_s)
    series = {
        name: _Series(call, scenario, time, _size(scenario, longer, warm[name].typical_ns / SECOND, len(subjects)))
        for name, call in subjects.items()
    }
    for one in series.values():
        one.warm_up_in_rhythm(warm_s)
    take_turns(tuple(series.values()), longer, part_from(share, told))
    return {name: one.timed(warm[name]) for name, one in series.items()}


def relaxation_s(scenario: Scenario, service_s: float) -> float:
    """In which a queue of random arrivals forgets how long it was: ``2 rho S / (1 - rho)^2``, in seconds.

    That of reflected Brownian motion with the drift ``1 - rho`` and the variance ``rho S`` of the work that arrives for
    services of one length. 0 for other arrivals, and for a queue that grows without end, which never settles.

    References:
        Abate and Whitt, Transient Behavior of Regulated Brownian Motion I, Advances in Applied Probability 19, 1987.
    """
    utilisation = rate_of(scenario) * service_s
    if scenario.kind != "server" or scenario.backlog == "drop" or utilisation >= 1:
        return 0.0
    return 2 * utilisation * service_s / (1 - utilisation) ** 2


@dataclass(frozen=True)
class _Size:
    """How much of its schedule a subject runs."""

    block: Stretch
    samples_max: int
    """Of all blocks together."""
    taken_hz: float
    """How many inferences are taken from it in a second, as far as they can be done, or dropped."""


class _Series:
    def __init__(self, call: Subject, scenario: Scenario, time: Time, size: _Size) -> None:
        self._call, self._scenario, self._time, self._size = call, scenario, time, size
        self._latency, self._service, self._late_starts = array("q"), array("q"), array("q")
        self._blocks: list[int] = []
        self._backlogs: list[int] = []
        self._late = self._dropped = self._unmeasured = 0
        self._line = Line(schedule(scenario))
        self.tally = Tally()

    def warm_up_in_rhythm(self, at_least_s: float) -> None:
        inferences = max(self._size.block.inferences, round(at_least_s * self._size.taken_hz))
        paced = self._run(replace(self._size.block, inferences=inferences, stride=1))
        self._unmeasured += paced.done

    def run_block(self) -> None:
        paced = self._run(self._size.block)
        latency = paced.latency_ns
        self._latency.frombytes(latency.tobytes())
        self._service.frombytes(paced.service_ns.tobytes())
        self._late_starts.frombytes(paced.late_start_ns.tobytes())
        self._blocks.append(len(latency))
        self._backlogs.append(paced.waiting)
        self._late += paced.late
        self._dropped += paced.dropped
        self.tally.add(paced.began_ns, paced.ended_ns, items=paced.done, samples=len(latency))
        self.tally.is_cut_short = paced.waiting >= self._size.block.waiting_max
        if self.tally.samples > self._size.samples_max:
            self._thin_out()

    def timed(self, warm: Warm) -> Timed:
        return Timed(
            samples_ns=tuple(self._latency),
            blocks=tuple(self._blocks),
            warmup=warm.calls + self._unmeasured,
            steady=warm.steady,
            block_starts_ns=tuple(self.tally.starts_ns),
            block_walls_ns=tuple(self.tally.walls_ns),
            block_items=tuple(self.tally.items),
            service_ns=tuple(self._service),
            late=None if self._scenario.limit_ns is None else self._late,
            dropped=self._dropped,
            backlogs=tuple(self._backlogs),
            late_start_p99_ns=percentile(tuple(self._late_starts), 99.0),
            is_cut_short=self.tally.is_cut_short,
        )

    def _thin_out(self) -> None:
        self._latency, self._service, self._late_starts = (
            every_second(one, self._blocks) for one in (self._latency, self._service, self._late_starts)
        )
        self._blocks = halved(self._blocks)
        self.tally.samples = len(self._latency)
        self._size = replace(
            self._size,
            block=replace(self._size.block, stride=2 * self._size.block.stride),
            samples_max=samples_kept_next(len(self._latency), self._size.samples_max),
        )

    def _run(self, stretch: Stretch) -> Paced:
        self._unmeasured += 1
        self._call()
        return run_stretch(self._call, self._line, stretch, self._time)


def _size(scenario: Scenario, plan: Plan, typical_s: float, subjects: int) -> _Size:
    done_hz = min(rate_of(scenario), 1 / typical_s)
    taken_hz = rate_of(scenario) if scenario.backlog == "drop" else done_hz
    seconds = min(max(plan.min_s, plan.min_samples / done_hz), plan.cap_s)
    block = min(max(_BLOCK_MIN, round(plan.block_s * taken_hz)), round(seconds * taken_hz) // plan.min_blocks)
    stretch = Stretch(
        inferences=max(1, block),
        backlog=scenario.backlog,
        stride=stride_of(max(1, round(seconds * done_hz)), samples_each(subjects)),
        late_ns=sys.maxsize if scenario.limit_ns is None else scenario.limit_ns,
        waiting_max=min(max(_WAITING_MIN, math.ceil(plan.cap_s / typical_s)), _WAITING_MAX),
        limit_ns=round(plan.cap_s * SECOND),
    )
    return _Size(stretch, samples_kept(subjects, plan), taken_hz)
