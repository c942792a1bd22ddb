"""Whether two results measured the same thing in the same place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from edgetl.device.probe.preflight import usable_clocks
from edgetl.errors import InputError
from edgetl.machine_state import MachineState, cpu_ranges
from edgetl.measurement import Scope
from edgetl.result import CandidateResult, Latency, Result
from edgetl.samples.resampling import Blocked
from edgetl.scenario import SINGLE_STREAM, Scenario

OTHER_MACHINE = "the machines differ"


def shared_scenario(first: Result, second: Result) -> Scenario:
    """The scenario of both.

    Raises:
        InputError: they differ in what decides latency: kind, rate, streams, or what becomes of waiting work.
    """
    ours, theirs = (result.scenario or SINGLE_STREAM for result in (first, second))
    fields = ["kind", "rate_hz", "streams", *(["backlog"] if ours.is_paced else [])]
    wrong = [
        f"{field} {getattr(ours, field)} against {getattr(theirs, field)}"
        for field in fields
        if getattr(ours, field) != getattr(theirs, field)
    ]
    if wrong:
        raise InputError(
            f"the results are of different scenarios ({', '.join(wrong)}), so their latencies mean different things; "
            "time both in the same scenario"
        )
    return ours


def shared_scope(pairs: Sequence[tuple[CandidateResult, CandidateResult]]) -> Scope:
    """What all latencies cover.

    Raises:
        InputError: not all the same.
    """
    scopes = {scope_of(candidate) for pair in pairs for candidate in pair}
    if len(scopes) > 1:
        raise InputError(
            f"the latencies have different scopes ({', '.join(sorted(scopes))}), so they cover different work; "
            "time both with the same --scope"
        )
    return scopes.pop()


def shared_batch(pairs: Sequence[tuple[CandidateResult, CandidateResult]]) -> int:
    """How many items each latency is of.

    Raises:
        InputError: not all as many.
    """
    batches = {candidate.batch for pair in pairs for candidate in pair}
    if len(batches) > 1:
        raise InputError(
            f"the latencies are of different batches ({' and '.join(map(str, sorted(batches)))} items), "
            "so they cover different work; time both with the same --batch"
        )
    return batches.pop()


def latency_of(candidate: CandidateResult) -> Latency:
    """Its latency, if that can be compared.

    Raises:
        InputError: it has none, or one that took no time.
    """
    latency = candidate.latency
    if latency is None or not latency.samples_ns:
        reason = candidate.rejected_because or "it was not timed"
        raise InputError(f"candidate {candidate.name!r} has no latency to compare ({reason})")
    if min(latency.samples_ns) < 1:
        raise InputError(f"candidate {candidate.name!r} has a latency of {min(latency.samples_ns)} ns; measure again")
    return latency


def series_of(candidate: CandidateResult) -> Blocked:
    """What it is compared by: its latency, or of an offline run the time per inference of each block.

    Raises:
        InputError: it has neither.
    """
    return latency_of(candidate) if candidate.heaps is None else candidate.heaps


def scope_of(candidate: CandidateResult) -> Scope:
    """What it is compared by covers.

    Raises:
        InputError: it has nothing to be compared by.
    """
    return latency_of(candidate).scope if candidate.heaps is None else candidate.scope


def machine_differences(first: Result, second: Result) -> tuple[str, ...]:
    """In what the machines, or the power modes they ran in, differ; empty when they are the same."""
    return tuple(_differences(_machine(first), _machine(second)))


def software_differences(first: Result, second: Result) -> tuple[str, ...]:
    """What else differs of what decides speed; mostly what the comparison is about."""
    return tuple(_differences(_software(first), _software(second)))


def strictness_difference(first: Result, second: Result) -> str | None:
    """In what the codes that make a measurement invalid differ; ``None`` where they agree, or one does not say."""
    if first.strict is None or second.strict is None or set(first.strict) == set(second.strict):
        return None
    ours, theirs = (
        " ".join(f"--strict {code}" for code in one) or "no --strict" for one in (first.strict, second.strict)
    )
    return (
        f"strictness differs: {ours} against {theirs}; what is named there makes a measurement invalid, and an invalid "
        "one is never called faster or equivalent, so measure both with the same codes"
    )


def _machine(result: Result) -> dict[str, object]:
    environment, cpu = result.environment.lasting, result.environment.cpu
    facts: dict[str, object] = {
        "board": environment.board,
        "system": environment.system,
        "CPU": cpu.model,
        "architecture": cpu.architecture,
        "instruction sets": ", ".join(cpu.isa),
        "CPUs": cpu.logical_cpus,
        "CPUs allowed": cpu.allowed_cpus,
        "governor": cpu.governor,
        "memory in bytes": environment.memory_bytes,
        "container": environment.container,
    }
    state = result.state
    if state is not None:
        facts |= {"turbo": state.turbo, "CPU quota": state.cpu_quota}
        if state.affinity:
            facts["affinity"] = cpu_ranges(state.affinity)
        if clocks := _clocks(state):
            facts["clocks"] = clocks
    # nobody could look at it where it is unknown, so that tells nothing
    if mode := environment.power_mode or (None if state is None else state.power_mode):
        facts["power mode"] = mode
    return facts


def _clocks(state: MachineState) -> str:
    """Between what the clocks of the usable CPUs may vary; pinned ones, and ones with a cap, are another machine."""
    groups: dict[str, list[int]] = {}
    for clock in usable_clocks(state):
        if clock.min_hz is not None and clock.max_hz is not None:
            span = f"{clock.min_hz / 1e6:,.0f} to {clock.max_hz / 1e6:,.0f} MHz"
            groups.setdefault(span, []).append(int(clock.name.removeprefix("cpu")))
    return ", ".join(f"{span} (CPU {cpu_ranges(tuple(cpus))})" for span, cpus in groups.items())


def _software(result: Result) -> dict[str, object]:
    environment = result.environment
    fixed = {"EdgeTL": environment.edgetl, "Python": environment.python, "kernel": environment.kernel}
    state = result.state
    release = environment.platform_release or (None if state is None else state.platform_release)
    platform = {"L4T": release} if release else {}
    return {**fixed, **platform, **environment.runtimes, **environment.libraries, "effort": result.effort}


def _differences(ours: Mapping[str, object], theirs: Mapping[str, object]) -> Iterator[str]:
    # a fact that only one of them could record (an older file has no state) tells nothing
    for name in ours:
        if name in theirs and ours[name] != theirs[name]:
            yield f"{name} {_shown(ours[name])} against {_shown(theirs[name])}"


def _shown(value: object) -> str:
    return "unknown" if value is None else str(value)
