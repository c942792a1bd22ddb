"""Subjects whose inferences are due at moments of their own, in blocks that take turns."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from edgetl.device.bench.pacing import Time
from edgetl.device.bench.percent import Told
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.scenarios.paced import Paced, Stretch, run_stretch
from edgetl.device.bench.scenarios.schedule import rate_of, schedule
from edgetl.device.bench.timing import Subject, Timed
from edgetl.device.bench.timing.rounds import Tally, part_from, samples_each, stride_of, take_turns
from edgetl.device.bench.timing.subject import SECOND
from edgetl.device.bench.timing.warm_up import Warm, warm_up, warm_up_share
from edgetl.measurement import percentile
from edgetl.scenario import Scenario

_BLOCK_MIN = 10
"""Inferences in a block, where the plan leaves time for them: fewer would mostly show the change of subjects."""


def time_paced(
    subjects: Mapping[str, Subject], scenario: Scenario, plan: Plan, time: Time, told: Told | None = None
) -> dict[str, Timed]:
    """Time subjects against each other at the scenario's rate.

    Each is warmed up back to back, then by one block at its rate that is not measured, because clocks fall between
    inferences. Blocks take turns as in :func:`edgetl.device.bench.timing.interleave`. In each the schedule starts
    anew, with one call that is not measured at its beginning, so that the first inference has its gap before it, too.
    A block whose inferences are all done goes on while others wait, until the plan's time is up, or for as long again:
    what fell due in a stall counts.

    Returns:
        ``samples_ns`` from the moment each inference was due, ``service_ns`` from when it began.
    """
    share = warm_up_share(plan)
    warm: dict[str, Warm] = {}
    for name, call in subjects.items():
        warm[name] = warm_up(call, plan, time.now)
        part_from(0.0, told)(share * len(warm) / len(subjects))
    series = {name: _Series(call, scenario, plan, time, len(subjects)) for name, call in subjects.items()}
    for one in series.values():
        one.warm_up_in_rhythm()
    take_turns(tuple(series.values()), plan, part_from(share, told))
    return {name: one.timed(warm[name]) for name, one in series.items()}


class _Series:
    def __init__(self, call: Subject, scenario: Scenario, plan: Plan, time: Time, subjects: int) -> None:
        self._call, self._scenario, self._plan, self._time = call, scenario, plan, time
        self._latency, self._service, self._late = array("q"), array("q"), array("q")
        self._blocks: list[int] = []
        self._backlogs: list[int] = []
        self._dropped = self._unmeasured = 0
        self._inferences, needed = _sizes(scenario, plan)
        self.tally = Tally(samples_max=samples_each(subjects))
        self._stride = stride_of(needed, self.tally.samples_max)

    def warm_up_in_rhythm(self) -> None:
        paced = self._run(Stretch(self._inferences, self._scenario.backlog))
        self._unmeasured += paced.done

    def run_block(self) -> None:
        left_s = max(self._plan.cap_s - self.tally.spent_ns / SECOND, self._inferences / rate_of(self._scenario))
        extra_ns = round(left_s * SECOND)
        paced = self._run(Stretch(self._inferences, self._scenario.backlog, extra_ns, self._stride))
        latency = paced.latency_ns
        self._latency.frombytes(latency.tobytes())
        self._service.frombytes(paced.service_ns.tobytes())
        self._late.frombytes(paced.late_start_ns.tobytes())
        self._blocks.append(len(latency))
        self._backlogs.append(paced.waiting)
        self._dropped += paced.dropped
        self.tally.add(paced.began_ns, paced.began_ns + paced.span_ns, items=paced.done, samples=len(latency))

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
            dropped=self._dropped,
            backlogs=tuple(self._backlogs),
            late_start_p99_ns=percentile(tuple(self._late), 99.0),
        )

    def _run(self, stretch: Stretch) -> Paced:
        dues_ns = schedule(self._scenario, len(self._blocks))
        self._unmeasured += 1
        self._call()
        return run_stretch(self._call, dues_ns, stretch, self._time)


def _sizes(scenario: Scenario, plan: Plan) -> tuple[int, int]:
    """Inferences in a block, and in all."""
    rate_hz = rate_of(scenario)
    seconds = min(max(plan.min_s, plan.min_samples / rate_hz), plan.cap_s)
    all_blocks = max(1, round(seconds * rate_hz))
    block = min(max(_BLOCK_MIN, round(plan.block_s * rate_hz)), all_blocks // plan.min_blocks)
    return max(1, block), all_blocks
