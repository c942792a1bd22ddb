from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from edgetl.device.bench.selftest.clocks import (
    ClockTest,
    busy_loops,
    clock_test,
    coordinated_omission,
    harness_cost,
    independent_ns,
    timer_cost,
)

MS = 1_000_000


@dataclass
class Ticking:
    """A clock that moves by a step whenever it is read, and at times by more; it may run at the wrong speed."""

    step_ns: int = 1000
    stolen_ns: Callable[[int], int] = lambda reading: 0
    now_ns: int = 0
    speed: float = 1.0
    readings: itertools.count[int] = field(default_factory=itertools.count)

    def __call__(self) -> int:
        return round(self.speed * self.independent())

    def independent(self) -> int:
        """What another clock says, which runs at the right speed."""
        self.now_ns += self.step_ns + self.stolen_ns(next(self.readings))
        return self.now_ns


def loops(clock: Ticking, load_per_cpu: float | None) -> ClockTest:
    return busy_loops(clock, clock.independent, load_per_cpu)


def test_a_stall_is_nearly_invisible_back_to_back_and_half_of_all_at_a_rate() -> None:
    closed, paced = coordinated_omission()
    assert closed.passed
    assert paced.passed
    assert closed.value == pytest.approx(99.990, abs=0.0001)
    assert paced.value == 50.0
    assert (closed.n, paced.n) == (10_001, 20_000)


def test_known_durations_are_found_on_a_quiet_machine() -> None:
    found = loops(Ticking(), load_per_cpu=0.1)
    assert [check.name for check in found.checks] == [f"error of a loop of {ms} ms" for ms in ("0.1", "1", "5", "20")]
    assert all(check.passed and check.value is not None and check.value <= 3000 for check in found.checks)
    assert [check.limit for check in found.checks] == [20_000, 20_000, 50_000, 200_000]
    assert found.findings == ()


def test_a_harness_that_is_wrong_fails_on_a_quiet_machine() -> None:
    # reading takes 40 us, of which a sample has about two
    found = loops(Ticking(step_ns=40_000), load_per_cpu=0.1)
    assert not found.checks[0].passed
    assert "us off" in found.checks[0].reason
    assert found.findings == ()


@pytest.mark.parametrize("speed", [0.5, 0.97, 2.0])
def test_a_clock_that_runs_at_another_speed_fails(speed: float) -> None:
    found = loops(Ticking(speed=speed), load_per_cpu=0.1)
    assert not found.checks[-1].passed
    assert found.checks[-1].value == pytest.approx(abs(1 - speed) * 20 * MS, rel=0.02)


def test_the_other_clock_of_this_machine_goes_on() -> None:
    earlier = independent_ns()
    assert 0 <= independent_ns() - earlier < 60_000 * MS


def test_a_loaded_machine_is_named_instead_of_judged() -> None:
    found = loops(Ticking(step_ns=40_000), load_per_cpu=2.0)
    first = found.checks[0]
    assert first.passed
    assert first.value is None
    assert not first.is_judged
    assert first.reason.startswith("not judged, the machine is too noisy: the median of")
    assert {finding.code for finding in found.findings} == {"W-NOISY"}


def test_a_machine_with_slow_samples_is_too_noisy_though_no_load_is_known() -> None:
    found = loops(Ticking(stolen_ns=lambda reading: 50 * MS if reading % 700 == 0 else 0), load_per_cpu=None)
    noisy = found.findings[0]
    assert noisy.code == "W-NOISY"
    assert "times the median" in noisy.message
    assert noisy.evidence["load_per_cpu"] == "unknown"


def test_costs_are_held_to_their_limits() -> None:
    assert timer_cost(Ticking(step_ns=999)).passed
    assert not timer_cost(Ticking(step_ns=1000)).passed
    assert harness_cost(Ticking(step_ns=1999)).passed
    late = harness_cost(Ticking(step_ns=2000))
    assert late.reason == "2000 ns, and less than 2000 ns is needed"


def test_the_harness_is_not_blamed_for_other_work_that_comes_and_goes() -> None:
    # a second is 250,000 readings of 4 us; in the last tenth there is no other work
    busy = Ticking(stolen_ns=lambda reading: 3000 if reading < 225_000 else 0)
    assert harness_cost(busy).passed
    assert not harness_cost(Ticking(stolen_ns=lambda _: 3000)).passed


def test_reading_this_machines_clock_takes_some_time_and_not_much() -> None:
    check = timer_cost(time.perf_counter_ns)
    assert check.value is not None
    assert 0 < check.value < 100_000


def test_all_checks_pass_with_a_good_clock() -> None:
    clock = Ticking(step_ns=500)
    found = clock_test(clock, clock.independent, load_per_cpu=0.0)
    assert len(found.checks) == 8
    assert all(check.passed for check in found.checks)
    assert found.findings == ()
