"""What a number is of: its scope, and how load arrived."""

from __future__ import annotations

from collections.abc import Mapping

from edgetl.measurement import Scope
from edgetl.report import numbers
from edgetl.result import CandidateResult, Latency, Result
from edgetl.scenario import Scenario

_SCOPES: Mapping[Scope, str] = {"infer": "inference alone", "end-to-end": "image file to prediction"}


def scope_words(latency: Latency | None) -> str:
    """What the clock ran over; ``-`` where nothing was timed."""
    return numbers.UNKNOWN if latency is None else _SCOPES.get(latency.scope, latency.scope)


def scopes_words(result: Result) -> str:
    """What the clock ran over, of all candidates that were timed."""
    scopes = dict.fromkeys(scope for one in result.candidates if (scope := scope_of(one)) is not None)
    return ", ".join(_SCOPES.get(scope, scope) for scope in scopes) or numbers.UNKNOWN


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
        words.append(f"late after {numbers.duration(scenario.limit_ns)}")
    if scenario.is_paced:
        words.append("late ones are dropped" if scenario.backlog == "drop" else "late ones queue")
    return ", ".join(words)


def measured_sentence(result: Result) -> str:
    """How thoroughly, and how load arrived."""
    return f"Measured with effort {result.effort}; {scenario_words(result.scenario)}."


def measured_as(candidate: CandidateResult, result: Result) -> str:
    """Scope and scenario of a candidate's numbers, in one cell."""
    scope = scope_of(candidate)
    return numbers.UNKNOWN if scope is None else f"{_SCOPES.get(scope, scope)}; {scenario_words(result.scenario)}"


def scope_of(candidate: CandidateResult) -> Scope | None:
    """What a candidate's numbers are of; ``None`` where nothing was timed. Throughput is of inference alone."""
    if candidate.latency is not None:
        return candidate.latency.scope
    return None if candidate.throughput_per_s is None else "infer"


def only_throughput(result: Result) -> bool:
    """Whether the scenario leaves no latency to speak of."""
    return result.scenario is not None and result.scenario.kind == "offline"


def latency_words(scenario: Scenario | None) -> str:
    """What the latency of a scenario is of, as a title."""
    if scenario is not None and scenario.streams > 1:
        return f"Latency of {scenario.streams} inferences at once, until the last one is done"
    if scenario is not None and scenario.is_paced:
        return "Latency of one inference, from the moment it was due"
    return "Latency of one inference"
