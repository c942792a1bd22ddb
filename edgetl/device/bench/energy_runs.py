"""Each candidate alone for a few seconds, because blocks that take turns are shorter than a sensor's period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgetl.device.bench.energy import reading_period_ns
from edgetl.device.bench.pacing import Time
from edgetl.device.bench.percent import Told
from edgetl.device.bench.plan import Effort
from edgetl.device.bench.scenarios.alone import Alone, run_alone
from edgetl.device.bench.throttling import throttle_findings
from edgetl.device.bench.timing import Subject
from edgetl.scenario import Scenario
from edgetl.telemetry import Telemetry

_LEAST_NS = 5_000_000_000
_READINGS = 10
_SLOWED = frozenset({"W-THROTTLED", "W-POWER-SOURCE", "W-CLOCK-DROP"})
ROUNDS: Mapping[Effort, int] = {"quick": 1, "standard": 2, "rigorous": 2, "sustained": 2}
"""How often each candidate runs alone: twice, in reverse the second time, shows and evens out what grows warmer."""


@dataclass(frozen=True)
class EnergyPlan:
    """How long and how often each candidate runs alone."""

    lead_ns: int
    """Before that, so long, because a sensor may still tell of what ran before."""
    duration_ns: int
    rounds: int


def energy_plan(telemetry: Telemetry, effort: Effort) -> EnergyPlan:
    """5 s, or as much longer as 10 readings take at the sensor's period."""
    period_ns = reading_period_ns(telemetry)
    return EnergyPlan(period_ns, max(_LEAST_NS, (_READINGS + 1) * period_ns), ROUNDS[effort])


def energy_runs(
    subjects: Mapping[str, Sequence[Subject]], scenario: Scenario, plan: EnergyPlan, time: Time, told: Told
) -> dict[str, tuple[Alone, ...]]:
    """Run each candidate alone under the scenario's load, in rounds: A B C, then C B A.

    Args:
        subjects: as of :func:`edgetl.device.bench.scenarios.run_scenario`.
        scenario: how inferences arrive.
        plan: for how long.
        time: whose clock counts; that of the readings.
        told: hears how much is done.

    Returns:
        What each did and when; no sample comes from here, because nothing took turns.
    """
    runs: dict[str, list[Alone]] = {name: [] for name in subjects}
    for place in range(plan.rounds):
        for name in list(subjects)[:: 1 if place % 2 == 0 else -1]:
            run_alone(subjects[name], scenario, plan.lead_ns, time)
            runs[name].append(run_alone(subjects[name], scenario, plan.duration_ns, time))
            told(sum(map(len, runs.values())) / (plan.rounds * len(subjects)))
    return {name: tuple(done) for name, done in runs.items()}


def energy_remarks(
    telemetry: Telemetry, runs: Mapping[str, Sequence[Alone]], affinity: tuple[int, ...] = ()
) -> tuple[str, ...]:
    """What sensors hold against the energy of a candidate; latency has no sample from then, and no blame.

    Args:
        telemetry: of the whole run.
        runs: when each candidate ran alone.
        affinity: as of :func:`edgetl.device.bench.throttling.throttle_findings`.
    """
    said = []
    for name, alone in runs.items():
        found = [finding for one in alone for finding in throttle_findings(telemetry, one.window_ns, affinity)]
        words = dict.fromkeys(finding.message for finding in found if finding.code in _SLOWED)
        said += [f"while {name} ran alone for its energy: {message}" for message in words]
    return tuple(said)
