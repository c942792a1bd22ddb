"""What a run under a scenario found, as fields of a result."""

from __future__ import annotations

import msgspec

from edgetl.device.bench.timing import Timed, latency, service, throughput_per_s
from edgetl.result import CandidateResult, Heaps
from edgetl.scenario import Scenario


def recorded(
    candidate: CandidateResult, timed: Timed, scenario: Scenario, overhead_ns: float | None = None
) -> CandidateResult:
    """The candidate with latency, service time, throughput, deadline misses and dropped inferences of its run.

    Scope and batch are those of the candidate: times are of a whole batch, throughput counts its items.
    ``overhead_ns`` is what the harness adds to a sample (see :func:`edgetl.device.bench.overhead.overhead_ns`).
    """
    rate = throughput_per_s(timed)
    return msgspec.structs.replace(
        candidate,
        latency=latency(timed, candidate.scope) if timed.samples_ns else None,
        service=service(timed, candidate.scope),
        throughput_per_s=None if rate is None else rate * candidate.batch,
        deadline_misses=deadline_misses(timed, scenario),
        dropped=timed.dropped,
        overhead_ns=overhead_ns,
        heaps=heaps(timed),
    )


def heaps(timed: Timed) -> Heaps | None:
    """Blocks of a run without samples; ``None`` of one that has any, or did nothing."""
    if timed.samples_ns or not timed.block_walls_ns or min(timed.block_items) < 1:
        return None
    return Heaps(timed.block_starts_ns, timed.block_walls_ns, timed.block_items)


def deadline_misses(timed: Timed, scenario: Scenario) -> int | None:
    """Inferences that took longer than the scenario allows, and those that were dropped; ``None`` without a limit.

    At a rate every inference counts, back to back every one that was timed.
    """
    limit_ns = scenario.limit_ns
    if limit_ns is None or not timed.samples_ns:
        return None
    late = sum(sample > limit_ns for sample in timed.samples_ns) if timed.late is None else timed.late
    return late + (timed.dropped or 0)
