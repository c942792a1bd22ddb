"""One run of subjects under a scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from edgetl.device.bench.pacing import Time
from edgetl.device.bench.percent import Told
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.scenarios.offline import time_offline
from edgetl.device.bench.scenarios.paced_series import time_paced
from edgetl.device.bench.scenarios.streams import at_once
from edgetl.device.bench.timing import Subject, Timed, interleave
from edgetl.scenario import Scenario, ScenarioKind


@dataclass(frozen=True)
class Load:
    """How inferences arrive, and for how long."""

    scenario: Scenario
    plan: Plan


def run_scenario(
    subjects: Mapping[str, Sequence[Subject]], load: Load, time: Time, told: Told | None = None
) -> dict[str, Timed]:
    """Time subjects against each other, in blocks that take turns, as their load arrives.

    Args:
        subjects: what to call, by name: as many callables as the scenario has streams, each with a runner of its own.
        load: the scenario, and when to stop.
        time: whose clock counts.
        told: hears how much is done, as of :func:`edgetl.device.bench.timing.interleave`.

    Returns:
        What was found, per name. ``single-stream``: see :func:`edgetl.device.bench.timing.interleave`.
        ``multi-stream``: the same, of queries that end with their slowest inference. ``server``, ``periodic``: see
        :func:`edgetl.device.bench.scenarios.paced_series.time_paced`. ``offline``: no samples, only walls and items of
        blocks.
    """
    return _RUNS[load.scenario.kind](subjects, load, time, told)


_Run = Callable[[Mapping[str, Sequence[Subject]], Load, Time, "Told | None"], dict[str, Timed]]


def _single_stream(
    subjects: Mapping[str, Sequence[Subject]], load: Load, time: Time, told: Told | None
) -> dict[str, Timed]:
    return interleave(_first(subjects), load.plan, time.now, told)


def _multi_stream(
    subjects: Mapping[str, Sequence[Subject]], load: Load, time: Time, told: Told | None
) -> dict[str, Timed]:
    with ExitStack() as threads:
        queries = {name: threads.enter_context(at_once(calls)) for name, calls in subjects.items()}
        timed = interleave(queries, load.plan, time.now, told)
    return {
        name: replace(one, block_items=tuple(len(subjects[name]) * queries for queries in one.block_items))
        for name, one in timed.items()
    }


def _paced(subjects: Mapping[str, Sequence[Subject]], load: Load, time: Time, told: Told | None) -> dict[str, Timed]:
    return time_paced(_first(subjects), load.scenario, load.plan, time, told)


def _offline(subjects: Mapping[str, Sequence[Subject]], load: Load, time: Time, told: Told | None) -> dict[str, Timed]:
    return time_offline(subjects, load.plan, time.now, told)


def _first(subjects: Mapping[str, Sequence[Subject]]) -> dict[str, Subject]:
    return {name: calls[0] for name, calls in subjects.items()}


_RUNS: Mapping[ScenarioKind, _Run] = {
    "single-stream": _single_stream,
    "multi-stream": _multi_stream,
    "server": _paced,
    "periodic": _paced,
    "offline": _offline,
}
