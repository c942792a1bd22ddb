"""What a number is of: its scope, and how load arrived."""

from __future__ import annotations

from collections.abc import Mapping

from edgetl.measurement import Scope
from edgetl.report import numbers
from edgetl.result import CandidateResult, Result
from edgetl.scenario import Scenario

_SCOPES: Mapping[Scope, str] = {"infer": "inference alone", "end-to-end": "image file to prediction"}


def scope_name(scope: Scope) -> str:
    """What the clock ran over, in words."""
    return _SCOPES.get(scope, scope)


def batch_words(result: Result) -> str:
    """How many items an inference has and what that means; empty where each has one."""
    batches = {one.batch for one in result.candidates}
    if not batches - {1}:
        return ""
    sizes = " or ".join(map(str, sorted(batches)))
    return f"batch {sizes}: latency is of a whole batch, throughput and energy count its items"


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
        words.append(f"{numbers.per_second(scenario.rate_hz)} per second")
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
    if scope is None:
        return numbers.UNKNOWN
    batch = f"; batch {candidate.batch}" if candidate.batch > 1 else ""
    return f"{_SCOPES.get(scope, scope)}{batch}; {scenario_words(result.scenario)}"


def scope_of(candidate: CandidateResult) -> Scope | None:
    """What a candidate's numbers are of; ``None`` where nothing was timed."""
    if candidate.latency is not None:
        return candidate.latency.scope
    return None if candidate.throughput_per_s is None else candidate.scope


def only_throughput(result: Result) -> bool:
    """Whether the scenario leaves no latency to speak of."""
    return result.scenario is not None and result.scenario.kind == "offline"


def latency_words(result: Result) -> str:
    """What the latency of a result is of, as a title."""
    batch = max((one.batch for one in result.candidates), default=1)
    if any(one.scope == "end-to-end" for one in result.candidates):
        what = "Latency from image file to prediction" + (f", {batch} at a time" if batch > 1 else "")
    else:
        what = f"Latency of a batch of {batch}" if batch > 1 else "Latency of one inference"
    scenario = result.scenario
    if scenario is not None and scenario.streams > 1:
        plain = what == "Latency of one inference"
        several = f"Latency of {scenario.streams} inferences" if plain else f"{what}, {scenario.streams}"
        return f"{several} at once, until the last one is done"
    return f"{what}, from the moment it was due" if scenario is not None and scenario.is_paced else what
