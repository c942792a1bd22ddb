"""Timing that goes on until limits on latency are decided, as far as the plan allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgetl.device.bench.percent import percent_stage, timing_title
from edgetl.device.bench.plan import EXTENSION, PLANS, Effort, Plan
from edgetl.device.bench.timing import Clock, Subject, Timed, interleave, joined, latency
from edgetl.device.bench.timing.rounds import samples_each
from edgetl.device.bench.timing.subject import SECOND
from edgetl.device.latency_gates import gated_percents, is_undecided
from edgetl.gates import TargetGates
from edgetl.progress import Progress

_GROWTH = 4
"""How much longer a run is at each look. Every look passes a device exactly at its limit in at most 1 % of all runs, so
that few looks keep the sum small; one that is clearly beyond hardly ever passes any of them."""


def time_until_decided(
    subjects: Mapping[str, Subject], effort: Effort, gates: TargetGates, clock: Clock, progress: Progress
) -> dict[str, Timed]:
    """Time subjects against each other, and go on while more samples might show that one of them is within its limits.

    All go on together, so that their blocks stay side by side, for up to ten times as long as the effort allows.
    """
    title = timing_title(len(subjects), effort)
    with percent_stage(progress, title) as told:
        timed = interleave(subjects, PLANS[effort].supporting(gated_percents(gates)), clock, told)
    while any(is_undecided(latency(one, "infer"), gates) for one in timed.values()):
        longer = _longer(PLANS[effort], timed)
        if longer is None:
            break
        with percent_stage(progress, "time them for longer: a limit on latency is not decided yet") as told:
            more = interleave(subjects, longer, clock, told)
        timed = {name: joined(one, more[name]) for name, one in timed.items()}
    return timed


def _longer(plan: Plan, timed: Mapping[str, Timed]) -> Plan | None:
    """For what is to be added; ``None`` when the time is up, or there are all the samples that a run may keep."""
    spent_s = max(one.wall_ns for one in timed.values()) / SECOND
    more_s = min((_GROWTH - 1) * spent_s, EXTENSION * plan.cap_s - spent_s)
    full = all(len(one.samples_ns) >= samples_each(len(timed)) for one in timed.values())
    if full or more_s < spent_s / _GROWTH:
        return None
    return replace(plan, min_samples=1, min_s=more_s, cap_s=more_s)
