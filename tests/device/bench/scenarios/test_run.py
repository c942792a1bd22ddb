from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from edgetl.device.bench.pacing import SimulatedTime
from edgetl.device.bench.plan import PLANS, Plan
from edgetl.device.bench.scenarios import Load, run_scenario
from edgetl.device.bench.scenarios.record import recorded
from edgetl.device.bench.timing.rounds import SAMPLES_MAX
from edgetl.result import CandidateResult
from edgetl.scenario import Scenario, ScenarioKind

MS = 1_000_000
PLAN = Plan(3, 0.0, 1.0, 0.02, block_s=0.2, min_blocks=5, min_samples=50, min_s=20.0, cap_s=40.0)
CANDIDATE = CandidateResult("a", "v", "float", "fp32", "onnxruntime", 1, (), None, None, None, None, 10, None)


@pytest.mark.parametrize("kind", get_args(ScenarioKind))
def test_every_kind_of_scenario_runs_and_fills_a_result(kind: ScenarioKind) -> None:
    scenario = Scenario(kind, rate_hz=50 if kind in ("server", "periodic") else None)
    time = SimulatedTime()
    subjects = {name: (lambda: time.pass_ns(4 * MS),) for name in ("a", "b")}
    timed = run_scenario(subjects, Load(scenario, PLAN), time)
    assert list(timed) == ["a", "b"]
    found = recorded(CANDIDATE, timed["a"], scenario)
    assert (found.latency is None) == (kind == "offline")
    assert (found.service is None) == (not scenario.is_paced)
    assert found.throughput_per_s == pytest.approx(50 if scenario.is_paced else 250, rel=0.1)
    assert timed["a"].steady


def test_requests_that_are_served_slowly_at_first_are_timed_for_as_long_as_asked() -> None:
    time = SimulatedTime()
    calls = (lambda: time.pass_ns((100 if time.now() < 20e9 else 20) * MS),)
    load = Load(Scenario("server", rate_hz=40, deadline_ns=1), replace(PLANS["sustained"], block_s=30.0))
    timed = run_scenario({"a": calls}, load, time)["a"]
    assert timed.wall_ns >= 1800e9
    assert sum(timed.block_items) > SAMPLES_MAX
    assert SAMPLES_MAX / 2 <= len(timed.samples_ns) == len(timed.service_ns) <= SAMPLES_MAX
    assert sum(timed.blocks) == len(timed.samples_ns)
    assert len(timed.blocks) == len(timed.backlogs) == len(timed.block_items)
    assert timed.late == sum(timed.block_items), "all are counted, whether kept or not"
