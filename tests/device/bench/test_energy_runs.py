"""Energy of several candidates, from windows in which each ran alone; time and sensor are simulated."""

from __future__ import annotations

from itertools import pairwise

import pytest

from edgetl.device.bench.energy import energy
from edgetl.device.bench.energy_runs import EnergyPlan, energy_plan, energy_remarks, energy_runs
from edgetl.device.bench.pacing import SimulatedTime
from edgetl.device.bench.scenarios.alone import Alone
from edgetl.scenario import SINGLE_STREAM, Scenario
from edgetl.telemetry import Channel, Series, Telemetry

MS, SECOND = 1_000_000, 1_000_000_000
IDLE_W = 2.0


class Device:
    """Draws more while it works; remembers when."""

    def __init__(self) -> None:
        self.time = SimulatedTime()
        self.worked: list[tuple[int, int, float]] = []

    def work(self, ms: int, power_w: float) -> None:
        began = self.time.now()
        self.time.pass_ns(ms * MS)
        self.worked.append((began, self.time.now(), power_w))

    def power_w(self, moment_ns: int) -> float:
        return next((watts for start, end, watts in self.worked if start <= moment_ns < end), IDLE_W)

    def telemetry(self, period_ns: int) -> Telemetry:
        # not in step with the work, as a sensor in a process of its own is not
        times = tuple(range(3 * MS + 1, self.time.now(), period_ns))
        channel = Channel("ina3221", "VDD_IN", "power", is_total=True)
        return Telemetry(period_ns, (Series(channel, times, tuple(map(self.power_w, times))),))


def told_nothing(fraction: float) -> None:
    assert 0 < fraction <= 1


def test_each_candidate_has_its_own_power_and_energy() -> None:
    device = Device()
    device.time.pass_ns(5 * SECOND)
    subjects = {"small": (lambda: device.work(10, 6.0),), "large": (lambda: device.work(40, 10.0),)}
    plan = EnergyPlan(SECOND // 2, 6 * SECOND, rounds=2)
    runs = energy_runs(subjects, SINGLE_STREAM, plan, device.time, told_nothing)
    telemetry = device.telemetry(SECOND // 2)
    found = {}
    for name, alone in runs.items():
        windows = tuple(one.window_ns for one in alone)
        found[name] = energy(telemetry, (0, 5 * SECOND), windows, sum(one.inferences for one in alone))
    assert [found[name].active_w for name in subjects] == pytest.approx([6.0, 10.0])
    assert [found[name].per_inference_j for name in subjects] == pytest.approx([0.06, 0.4])
    assert [found[name].net_per_inference_j for name in subjects] == pytest.approx([0.04, 0.32])
    assert all(one.readings >= 2 * 10 and one.items and len(one.windows_ns) == 2 for one in found.values())


def test_rounds_turn_and_windows_neither_meet_nor_overlap() -> None:
    device = Device()
    subjects = {name: (lambda: device.work(10, 6.0),) for name in "abc"}
    told: list[float] = []
    plan = EnergyPlan(SECOND // 2, 5 * SECOND, rounds=2)
    runs = energy_runs(subjects, SINGLE_STREAM, plan, device.time, told.append)
    order = sorted((one.window_ns, name) for name, alone in runs.items() for one in alone)
    assert "".join(name for _, name in order) == "abccba"
    assert all(later[0][0] - earlier[0][1] >= plan.lead_ns for earlier, later in pairwise(order))
    assert order[0][0][0] >= plan.lead_ns
    assert told == pytest.approx([place / 6 for place in range(1, 7)])


def test_at_a_rate_power_is_that_of_work_and_pauses() -> None:
    device = Device()
    device.time.pass_ns(5 * SECOND)
    camera = Scenario("periodic", rate_hz=10.0)
    plan = EnergyPlan(SECOND // 2, 5 * SECOND, rounds=1)
    runs = energy_runs({"a": (lambda: device.work(30, 12.0),)}, camera, plan, device.time, told_nothing)
    (alone,) = runs["a"]
    found = energy(device.telemetry(7 * MS), (0, 5 * SECOND), (alone.window_ns,), alone.inferences)
    # 30 of 100 ms at 12 W, the rest idle
    assert found.active_w == pytest.approx(0.3 * 12 + 0.7 * IDLE_W, rel=0.02)
    assert found.net_per_inference_j == pytest.approx(0.03 * (12 - IDLE_W), rel=0.03)


def sensor(gap_ns: int, period_ns: int) -> Telemetry:
    times = tuple(range(0, 9 * gap_ns, gap_ns))
    return Telemetry(period_ns, (Series(Channel("x", "VIN", "power", True), times, (1.0,) * len(times)),))


def test_ten_readings_fit_at_any_period() -> None:
    assert energy_plan(sensor(SECOND // 2, SECOND // 2), "quick") == EnergyPlan(SECOND // 2, 5_500_000_000, 1)
    assert energy_plan(sensor(SECOND // 10, SECOND // 10), "standard") == EnergyPlan(SECOND // 10, 5 * SECOND, 2)
    # readings come less often after an hour
    assert energy_plan(sensor(2 * SECOND, SECOND // 2), "sustained") == EnergyPlan(2 * SECOND, 22 * SECOND, 2)


def test_a_device_that_slowed_itself_down_for_energy_is_a_remark_on_that_candidate() -> None:
    counter = Series(Channel("core-throttle", "core 0", "throttle-count"), (0, 10, 20, 30), (0.0, 0.0, 3.0, 3.0))
    runs = {"cool": (Alone((0, 10), 5),), "hot": (Alone((11, 19), 5), Alone((20, 30), 5)), "none": ()}
    (remark,) = energy_remarks(Telemetry(10, (counter,)), runs)
    assert remark.startswith("while hot ran alone for its energy: core-throttle core 0 +3; ")


def test_of_clocks_the_remark_knows_those_of_the_cpus_it_may_use() -> None:
    times = tuple(range(0, 120, 10))
    fell, fast = (3e9,) * 6 + (1e9,) * 6, (3e9,) * 12
    clocks = [Series(Channel("clocks", f"cpu{cpu}", "frequency"), times, hz) for cpu, hz in ((0, fast), (3, fell))]
    telemetry, runs = Telemetry(10, tuple(clocks)), {"it": (Alone((0, 110), 5),)}
    assert energy_remarks(telemetry, runs, (0,)) == ()
    (remark,) = energy_remarks(telemetry, runs, (3,))
    assert "from 3000 to 1000 MHz" in remark
