from __future__ import annotations

from dataclasses import dataclass, field

from edgetl.device.bench.pacing import RealTime, SimulatedTime

MS = 1_000_000


@dataclass
class Sleepy:
    """A clock that moves a little whenever it is read, and a sleep that overshoots."""

    now_ns: int = 0
    overshoot_ns: int = 0
    slept_s: list[float] = field(default_factory=list)
    read: int = 0

    def clock(self) -> int:
        self.read += 1
        self.now_ns += 100
        return self.now_ns

    def sleep(self, duration_s: float) -> None:
        self.slept_s.append(duration_s)
        self.now_ns += round(duration_s * 1e9) + self.overshoot_ns


def test_real_time_sleeps_until_two_milliseconds_before_and_then_spins() -> None:
    machine = Sleepy()
    RealTime(machine.clock, machine.sleep).sleep_until(10 * MS)
    assert machine.slept_s == [(8 * MS - 100) / 1e9]
    assert 10 * MS <= machine.now_ns <= 10 * MS + 100
    assert machine.read > 15_000


def test_a_sleep_that_overshoots_by_less_than_two_milliseconds_is_not_late() -> None:
    machine = Sleepy(overshoot_ns=3 * MS // 2)
    RealTime(machine.clock, machine.sleep).sleep_until(10 * MS)
    assert 10 * MS <= machine.now_ns <= 10 * MS + 100


def test_without_spinning_it_only_sleeps() -> None:
    machine = Sleepy(overshoot_ns=MS // 10)
    RealTime(machine.clock, machine.sleep, spin_ns=0).sleep_until(10 * MS)
    assert machine.slept_s == [(10 * MS - 100) / 1e9]
    assert machine.read == 2


def test_real_time_does_not_wait_for_what_is_past() -> None:
    machine = Sleepy(now_ns=50 * MS)
    RealTime(machine.clock, machine.sleep).sleep_until(10 * MS)
    assert machine.slept_s == []
    assert machine.read == 2


def test_this_machine_is_never_early() -> None:
    time = RealTime()
    moment = time.now() + 3 * MS
    time.sleep_until(moment)
    assert time.now() >= moment


def test_simulated_time_never_goes_back() -> None:
    time = SimulatedTime(5)
    time.sleep_until(3)
    assert time.now() == 5
    time.sleep_until(9)
    time.pass_ns(2)
    assert time.now() == 11
