"""What a number is of: its scope, and how load arrived."""

from __future__ import annotations

from edgetl.report import numbers
from edgetl.result import CandidateResult, Latency, Result
from edgetl.scenario import Scenario

_SCOPES = {"infer": "inference alone", "end-to-end": "image file to prediction"}


def scope_words(timed: Latency | CandidateResult | None) -> str:
    """What the clock ran over; ``-`` where nothing was timed."""
    return numbers.UNKNOWN if timed is None else _SCOPES.get(timed.scope, timed.scope)


def batch_words(result: Result) -> str:
    """How many items an inference has and what that means; empty where each has one."""
    batches = {one.batch for one in result.candidates}
    if not batches - {1}:
        return ""
    sizes = " or ".join(map(str, sorted(batches)))
    return f"batch {sizes}: latency is of a whole batch, throughput and energy count its items"


def scenario_words(scenario: Scenario | None) -> str:
    """How load arrived, in LoadGen's words, with its rate, streams and deadline."""
    if scenario is None:
        return "scenario not stated"
    words: list[str] = [scenario.kind]
    if scenario.rate_hz is not None:
        words.append(f"{numbers.significant(scenario.rate_hz)} per second")
    if scenario.streams > 1:
        words.append(f"{scenario.streams} streams")
    if scenario.limit_ns is not None:
        words.append(f"late after {numbers.milliseconds(scenario.limit_ns)}")
    if scenario.is_paced:
        words.append("late ones are dropped" if scenario.backlog == "drop" else "late ones queue")
    return ", ".join(words)


def measured_as(candidate: CandidateResult, result: Result) -> str:
    """Scope and scenario of a candidate's latency, in one cell."""
    if candidate.latency is None:
        return numbers.UNKNOWN
    batch = f"; batch {candidate.batch}" if candidate.batch > 1 else ""
    return f"{scope_words(candidate.latency)}{batch}; {scenario_words(result.scenario)}"
