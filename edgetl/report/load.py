"""What a number is of: its scope, and how load arrived."""

from __future__ import annotations

from edgetl.report import numbers
from edgetl.result import CandidateResult, Latency, Result
from edgetl.scenario import Scenario

_SCOPES = {"infer": "inference alone", "end-to-end": "image file to prediction"}


def scope_words(latency: Latency | None) -> str:
    """What the clock ran over; ``-`` where nothing was timed."""
    return numbers.UNKNOWN if latency is None else _SCOPES.get(latency.scope, latency.scope)


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
    return f"{scope_words(candidate.latency)}; {scenario_words(result.scenario)}"
