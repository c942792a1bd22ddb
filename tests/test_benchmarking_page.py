"""Promises of ``docs/benchmarking_page.py``."""

from __future__ import annotations

import pytest
from benchmarking_page import slowest

from edgetl.device.bench.pacing import SimulatedTime
from edgetl.device.bench.plan import PLANS, Effort
from edgetl.device.bench.timing import interleave
from edgetl.device.bench.timing.warm_up import warm_up

EFFORTS = tuple(PLANS)


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize(("times", "steady"), [(0.99, True), (1.01, False)])
def test_warm_up_of_a_model_that_is_too_slow_ends_unsettled(effort: Effort, times: float, steady: bool) -> None:
    time, call_ns = SimulatedTime(), round(times * slowest(PLANS[effort]).for_warm_up * 1e9)
    assert warm_up(lambda: time.pass_ns(call_ns), PLANS[effort], time.now).steady is steady


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize(("times", "enough"), [(0.95, True), (1.05, False)])
def test_a_model_that_is_too_slow_has_too_few_samples(effort: Effort, times: float, enough: bool) -> None:
    time, plan = SimulatedTime(), PLANS[effort]
    call_ns = round(times * slowest(plan).for_samples * 1e9)
    timed = interleave({"a": lambda: time.pass_ns(call_ns)}, plan, time.now)["a"]
    assert (len(timed.samples_ns) >= plan.min_samples) is enough
