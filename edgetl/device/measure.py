"""Cold starts, interleaved timing, limits and choice, for candidates that passed their exam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgetl.check import Check, failures
from edgetl.device.bench.cold import measure_cold, still_starting
from edgetl.device.bench.overhead import overhead_ns
from edgetl.device.bench.percent import percent_stage
from edgetl.device.bench.plan import PLANS
from edgetl.device.bench.timing import Timed, interleave, latency, rotating
from edgetl.device.candidates import Formed
from edgetl.device.decided import time_until_decided
from edgetl.device.end_to_end import EndToEnd
from edgetl.device.evaluate import is_full_precision, options_of
from edgetl.device.feeds import feeds_from_golden, golden_room
from edgetl.device.latency_gates import gate_checks
from edgetl.device.select import choose
from edgetl.device.session import Session
from edgetl.device.watched import Timing, time_watched
from edgetl.environment import Environment
from edgetl.errors import BackendError
from edgetl.result import Cold
from edgetl.runner import Runner


@dataclass(frozen=True)
class Ready:
    """A candidate that passed its exam and is loaded."""

    formed: Formed
    runner: Runner

    @property
    def name(self) -> str:
        """Of the candidate."""
        return self.formed.candidate.name


@dataclass(frozen=True)
class Measured:
    """What measuring found, by candidate name, and the choice it led to."""

    cold: Mapping[str, Cold]
    timing: Timing
    end_to_end: Mapping[str, Timed]
    checks: Mapping[str, tuple[Check, ...]]
    rejected_because: Mapping[str, str]
    selected: str | None


def measure(ready: tuple[Ready, ...], session: Session, here: Environment) -> Measured:
    """Start each candidate in a fresh process, time all in one run, hold them to the target's limits, and choose."""
    cold, failed = _cold_starts(ready, session)
    started = tuple(one for one in ready if one.name in cold)
    timing = _time(started, session, here)
    timed = timing.timed
    checks = {
        name: gate_checks(latency(timed[name], "infer"), cold[name], session.gates, timing.invalid_because(name))
        for name in timed
    }
    missed = {name: failures(checks[name]) for name in timed if failures(checks[name])}
    exact = frozenset(one.name for one in ready if is_full_precision(one.formed))
    choice = choose({name: timed[name] for name in timed if name not in missed}, exact, session.settings.seed)
    end_to_end = _time_end_to_end(_worth_comparing(started, choice.selected, timed, exact), session)
    return Measured(cold, timing, end_to_end, checks, {**failed, **missed, **choice.rejected_because}, choice.selected)


def _cold_starts(ready: tuple[Ready, ...], session: Session) -> tuple[dict[str, Cold], dict[str, str]]:
    cold: dict[str, Cold] = {}
    failed: dict[str, str] = {}
    with session.progress.stage("start each candidate in a fresh process", len(ready)) as step:
        for one in ready:
            candidate = one.formed.candidate
            try:
                waiting = still_starting(one.name, session.progress)
                model, options = session.model(one.formed), options_of(candidate)
                cold[one.name] = measure_cold(candidate.runtime, model, options, waiting)
            except BackendError as error:
                failed[one.name] = str(error)
            step.advance()
    return cold, failed


def _time(ready: tuple[Ready, ...], session: Session, here: Environment) -> Timing:
    if not ready:
        return Timing()
    golden = session.exam.golden
    feeds = feeds_from_golden(golden, room=golden_room(golden))
    subjects = {one.name: rotating(one.runner.infer, feeds) for one in ready}
    threads = max(one.formed.candidate.threads for one in ready)

    def timed() -> dict[str, Timed]:
        return time_until_decided(subjects, session.settings.effort, session.gates, session.clock, session.progress)

    overhead = {one.name: overhead_ns(one.runner, feeds, session.clock) for one in ready}
    return time_watched(timed, session, here, threads, overhead)


def _worth_comparing(
    ready: tuple[Ready, ...], selected: str | None, timed: Mapping[str, Timed], exact: frozenset[str]
) -> tuple[Ready, ...]:
    """The chosen one and the fastest in full precision."""
    if selected is None:
        return ()
    baseline = min(exact & set(timed), key=lambda name: float(np.median(timed[name].samples_ns)), default=selected)
    return tuple(one for one in ready if one.name in (selected, baseline))


def _time_end_to_end(ready: tuple[Ready, ...], session: Session) -> dict[str, Timed]:
    exam = session.exam
    preprocess, encoded = exam.manifest.preprocess, exam.golden.encoded
    if preprocess is None or not encoded or not ready:
        return {}
    whole = EndToEnd(preprocess, exam.task, exam.manifest.classes, encoded)
    subjects = {one.name: rotating(whole.predictor(one.runner), whole.inputs()) for one in ready}
    with percent_stage(session.progress, "time from encoded image to prediction") as told:
        return interleave(subjects, PLANS[session.settings.effort], session.clock, told)
