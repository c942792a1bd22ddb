"""Whether the timing of a qualification may be believed, with a machine that tests make up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edgetl.bundle import Bundle
from edgetl.device import decided, measure
from edgetl.device.bench.percent import Told
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.timing import Clock, Subject, Timed
from edgetl.device.probe import environment, machine_state
from edgetl.device.qualify import Settings, qualify, stored_result
from edgetl.environment import Environment
from edgetl.gates import Gates, TargetGates
from edgetl.machine_state import MachineState
from edgetl.progress import Silent
from edgetl.result import Cold, Result
from edgetl.scenario import SINGLE_STREAM
from edgetl.target import Target
from edgetl.telemetry import Telemetry
from edgetl.validity import Finding

ORT = Target("local", runtimes=("onnxruntime",), threads=(1,))
FLOAT, INT8 = "fp32/onnxruntime/fp32/1t", "int8-x86-vnni/onnxruntime/int8/1t"
LOAD = Finding("W-LOAD", "others took 46 % of the CPUs while measuring")
HOT = Finding("W-THROTTLED", "cpu0 slowed down 3 times")
LIMIT = Gates(margin=0.05, target={"local": TargetGates(latency_p50_ms_max=1000.0)})
Make = Callable[..., Bundle]


@dataclass
class Machine:
    """What a watch says of it, and what was done to it, in order."""

    state: MachineState
    findings: tuple[Finding, ...] = ()
    heard: list[str] = field(default_factory=list)
    threads: int | None = None
    telemetry: Telemetry = field(default_factory=lambda: Telemetry(1))
    idle_ns: None = None
    active_ns: tuple[int, int] = (0, 1)

    @contextmanager
    def watch(self, here: Environment, threads: int | None, clock: Clock) -> Iterator[Any]:
        self.threads = threads
        yield self
        self.heard.append("end of watch")

    def begin(self) -> None:
        self.heard.append("begin")

    def end(self) -> None:
        self.heard.append("end")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "empty root").mkdir()
    return Machine(machine_state(tmp_path / "empty root"))


@pytest.fixture(autouse=True)
def timing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is really timed nor started: every candidate takes 4 ms."""

    def interleave(subjects: Mapping[str, Subject], plan: Plan, clock: Clock, told: Told) -> dict[str, Timed]:
        machine.heard.append(f"time {len(subjects)}")
        samples = tuple(4_000_000 + place % 3 for place in range(80))
        return {name: Timed(samples, (10,) * 8, 9, True) for name in subjects}

    monkeypatch.setattr(measure, "interleave", interleave)
    monkeypatch.setattr(decided, "interleave", interleave)
    monkeypatch.setattr(measure, "measure_cold", lambda *_: Cold(1, 2, 3, 100_000_000))
    here = environment()
    with_vnni = msgspec.structs.replace(here, cpu=msgspec.structs.replace(here.cpu, isa=("avx512_vnni",)))
    monkeypatch.setattr("edgetl.device.qualify.environment", lambda: with_vnni)


@pytest.fixture
def settings(machine: Machine, tmp_path: Path) -> Settings:
    return Settings("quick", tmp_path / "cache", watch=machine.watch)


def verdicts(result: Result) -> dict[str, str | None]:
    return {one.name: one.validity.verdict if one.validity is not None else None for one in result.candidates}


def test_too_few_samples_say_how_long_an_effort_times(make_bundle: Make, settings: Settings) -> None:
    result = qualify(make_bundle(), ORT, replace(settings, effort="standard"))
    validity = result.candidate(FLOAT).validity
    assert validity is not None
    (few,) = (one for one in validity.findings if one.code == "W-FEW-SAMPLES")
    assert "p99 needs 662 inferences in at most 60 s, got 80" in few.message


def test_every_timed_candidate_has_a_verdict(make_bundle: Make, settings: Settings, machine: Machine) -> None:
    machine.findings = (LOAD,)
    result = qualify(make_bundle(int8_reference_seed=99), ORT, settings)
    assert verdicts(result)[FLOAT] == "degraded"
    assert verdicts(result)[INT8] is None, "it missed parity and was not timed"
    timed = result.candidate(FLOAT)
    assert timed.validity is not None
    assert LOAD in timed.validity.findings
    assert timed.overhead_ns is not None
    assert result.selected == FLOAT


def test_a_result_tells_when_how_and_on_what_it_was_timed(
    make_bundle: Make, settings: Settings, machine: Machine
) -> None:
    machine.findings = (LOAD,)
    result = qualify(make_bundle(), ORT, settings)
    assert result.scenario == SINGLE_STREAM
    assert result.started_utc is not None
    assert result.state is not None
    assert result.state.findings == (LOAD,)
    assert result.telemetry == machine.telemetry


def test_the_watch_spans_interleaved_timing_and_nothing_else(
    make_bundle: Make, settings: Settings, machine: Machine
) -> None:
    qualify(make_bundle(), ORT, settings)
    from_image_to_prediction = "time 1"
    assert machine.heard == ["begin", "time 2", "end", "end of watch", from_image_to_prediction]
    assert machine.threads == 1


def test_without_a_watch_nothing_is_judged(make_bundle: Make, settings: Settings) -> None:
    result = qualify(make_bundle(gates=LIMIT), ORT, replace(settings, watch=None))
    assert set(verdicts(result).values()) == {None}
    assert (result.state, result.telemetry) == (None, None)
    assert result.passed


def test_nobody_watches_when_there_is_nothing_to_time(make_bundle: Make, settings: Settings, machine: Machine) -> None:
    result = qualify(make_bundle(gates=Gates(size_mb_max=0.0001)), ORT, settings)
    assert not result.passed
    assert machine.heard == []


def test_no_limit_on_latency_is_passed_on_invalid_timing(
    make_bundle: Make, settings: Settings, machine: Machine
) -> None:
    machine.findings = (HOT,)
    result = qualify(make_bundle(gates=LIMIT), ORT, settings)
    assert (result.passed, result.selected) == (False, None)
    reason = result.candidate(FLOAT).rejected_because or ""
    assert "over 80 inferences; at most 1000 ms is allowed, but the timing is invalid" in reason
    assert "invalid and judges nothing (W-THROTTLED: cpu0 slowed down 3 times)" in reason


def test_without_limits_invalid_timing_is_shown_and_the_choice_stands(
    make_bundle: Make, settings: Settings, machine: Machine
) -> None:
    machine.findings = (HOT,)
    result = qualify(make_bundle(), ORT, settings)
    assert result.passed
    assert set(verdicts(result).values()) - {None} == {"invalid"}


def test_a_code_that_is_named_makes_the_timing_invalid(make_bundle: Make, settings: Settings, machine: Machine) -> None:
    machine.findings = (LOAD,)
    strict = replace(settings, strict=frozenset({"W-LOAD"}))
    assert qualify(make_bundle(gates=LIMIT), ORT, settings).passed
    refused = qualify(make_bundle(gates=LIMIT), ORT, strict)
    assert not refused.passed
    assert "(W-LOAD: others took" in (refused.candidate(FLOAT).rejected_because or "")


def test_what_speaks_against_measuring_is_told_before(make_bundle: Make, settings: Settings, machine: Machine) -> None:
    notes: list[str] = []

    class Listener(Silent):
        def note(self, message: str) -> None:
            notes.append(message)

    before = (LOAD, Finding("W-TURBO", "turbo is on"))
    machine.state = msgspec.structs.replace(machine.state, findings=before)
    qualify(make_bundle(), ORT, settings, Listener())
    assert f"W-LOAD: {LOAD.message}" in notes
    assert not any("turbo" in note for note in notes)


def test_an_invalid_qualification_is_made_again_and_replaces_no_other(
    make_bundle: Make, settings: Settings, machine: Machine
) -> None:
    bundle, longer = make_bundle(), replace(settings, effort="standard")
    machine.findings = (HOT,)
    hot = qualify(bundle, ORT, longer)
    assert stored_result(bundle, ORT, longer, hot.environment) is None
    machine.findings = ()
    cool = qualify(bundle, ORT, settings)
    assert stored_result(bundle, ORT, settings, cool.environment) == cool, "a shorter one that is to be believed"
    machine.findings = (HOT,)
    qualify(bundle, ORT, longer)
    assert stored_result(bundle, ORT, settings, cool.environment) == cool


def test_a_real_watch_judges(make_bundle: Make, tmp_path: Path) -> None:
    result = qualify(make_bundle(), ORT, Settings("quick", tmp_path / "cache"))
    assert set(verdicts(result).values()) & {"valid", "degraded", "invalid"}
    assert result.state is not None
    assert result.state.affinity
    assert result.telemetry is not None
    assert result.telemetry.series or result.telemetry.missing
