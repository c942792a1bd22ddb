"""What is known of one candidate after a run: its numbers, its energy, and whether they may be believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from edgetl.device.bench.energy import energy
from edgetl.device.bench.executed import precision_findings
from edgetl.device.bench.overhead import Added, overhead_finding
from edgetl.device.bench.plan import HEADLINE, PLANS, Effort
from edgetl.device.bench.scenarios.alone import Alone
from edgetl.device.bench.scenarios.findings import pacing_findings
from edgetl.device.bench.scenarios.record import heaps, recorded
from edgetl.device.bench.subjects import Timeable
from edgetl.device.bench.timing import Timed
from edgetl.device.bench.watch import Watch
from edgetl.layers import Layers, Roofline
from edgetl.measurement import percentile
from edgetl.result import CandidateResult, Cold
from edgetl.samples.findings import drift_findings, noisy_findings, series_findings, unsteady_findings
from edgetl.scenario import Scenario
from edgetl.telemetry import Energy
from edgetl.validity import Finding, Validity, judged


@dataclass(frozen=True)
class Run:
    """What holds for all candidates of one run."""

    scenario: Scenario
    effort: Effort
    overhead_ns: Mapping[str, float]
    """What the harness adds to each sample, by candidate name."""
    watch: Watch
    strict: frozenset[str]


@dataclass(frozen=True)
class Found:
    """What was found, by candidate name."""

    cold: Mapping[str, Cold]
    timed: Mapping[str, Timed]
    refused: Mapping[str, str]
    alone: Mapping[str, tuple[Alone, ...]] = field(default_factory=dict)
    """What ran alone for its energy, on machines that tell power."""
    layers: Mapping[str, Layers] = field(default_factory=dict)
    rooflines: Mapping[str, Roofline] = field(default_factory=dict)
    added: Mapping[str, Added] = field(default_factory=dict)


def candidate_result(one: Timeable, found: Found, run: Run) -> CandidateResult:
    """Numbers and verdict of one candidate; of one that did not run, the reason."""
    plain = CandidateResult(
        name=one.name,
        variant=one.variant,
        rendering=one.rendering,
        precision=one.options.precision,
        runtime=one.runtime,
        threads=one.options.threads,
        checks=(),
        accuracy=None,
        latency=None,
        end_to_end=None,
        cold=found.cold.get(one.name),
        size_bytes=one.size_bytes,
        rejected_because=found.refused.get(one.name),
        layers=found.layers.get(one.name),
        roofline=found.rooflines.get(one.name),
        scope=one.scope,
        batch=one.batch,
    )
    timed = found.timed.get(one.name)
    if timed is None:
        return plain
    candidate = recorded(plain, timed, run.scenario, run.overhead_ns.get(one.name))
    return msgspec.structs.replace(
        candidate,
        adapter_ns=found.added[one.name].adapter_ns if one.name in found.added else None,
        energy=_energy(one, found, run.watch),
        validity=verdict(one.name, timed, run, _executed(candidate)),
    )


def verdict(name: str, timed: Timed, run: Run, more: Iterable[Finding] = ()) -> Validity:
    """Whether the timing of the candidate ``name`` may be believed; ``more`` is what else speaks against it alone.

    To be asked for after the watch has ended.
    """
    return judged((*more, *_own(name, timed, run), *run.watch.findings), run.strict)


def _executed(candidate: CandidateResult) -> tuple[Finding, ...]:
    if candidate.layers is None:
        return ()
    return precision_findings(candidate.layers, candidate.precision, candidate.rendering)


def _own(name: str, timed: Timed, run: Run) -> tuple[Finding, ...]:
    if (heap := heaps(timed)) is not None:
        drifting = drift_findings(heap.samples_ns, heap.blocks)
        return (*unsteady_findings(timed.steady), *drifting, *noisy_findings(heap.samples_ns))
    if not timed.samples_ns:
        return unsteady_findings(timed.steady)
    added_ns, work = run.overhead_ns.get(name), timed.service_ns or timed.samples_ns
    overhead = None if added_ns is None else overhead_finding(added_ns, percentile(work, 50.0))
    return (
        *series_findings(timed.samples_ns, timed.blocks, timed.steady, HEADLINE[run.effort], PLANS[run.effort].cap_s),
        *noisy_findings(work),
        *pacing_findings(timed, run.scenario),
        *([] if overhead is None else [overhead]),
    )


def _energy(one: Timeable, found: Found, watch: Watch) -> Energy:
    alone = found.alone.get(one.name, ())
    items = one.batch * sum(done.inferences for done in alone)
    return energy(watch.telemetry, watch.idle_ns, tuple(done.window_ns for done in alone), items)
