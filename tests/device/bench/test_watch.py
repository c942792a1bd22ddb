"""What is said of the machine once something was measured."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edgetl.device.bench.telemetry.recorder import recording
from edgetl.device.bench.watch import Watch
from edgetl.device.probe.state import machine_state
from edgetl.validity import Finding

GLANCE = Finding("W-LOAD", "others take 42 % of the 2 CPUs that this process may use")
TURBO = Finding("W-TURBO", "turbo is on")


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """Before the run, others were seen for a moment."""
    state = msgspec.structs.replace(machine_state(tmp_path), findings=(GLANCE, TURBO))
    ticks = itertools.count()
    with recording(0.05, str(tmp_path), ("raspberry-pi",)) as recorder:
        yield Watch(state, recorder, lambda: next(ticks), tmp_path)


def said(watch: Watch) -> list[str]:
    return [finding.message for finding in watch.findings if finding.code in ("W-LOAD", "W-TURBO")]


def others_took(root: Path, percent: int) -> None:
    """Of ten seconds on each of two CPUs."""
    (root / "proc").mkdir(exist_ok=True)
    rows = "".join(f"cpu{cpu} {1000 + 10 * percent} 0 0 {2000 - 10 * percent} 0 0 0 0 0 0\n" for cpu in range(2))
    (root / "proc/stat").write_text(rows)


def nothing_ran(root: Path) -> None:
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/stat").write_text("cpu0 1000 0 0 1000 0 0 0 0 0 0\ncpu1 1000 0 0 1000 0 0 0 0 0 0\n")


def test_the_load_of_a_quiet_run_outweighs_a_glance_before_it(watch: Watch, tmp_path: Path) -> None:
    nothing_ran(tmp_path)
    watch.begin()
    others_took(tmp_path, 1)
    watch.end()
    assert said(watch) == [TURBO.message]


def test_the_load_of_a_busy_run_is_told_and_not_that_of_before(watch: Watch, tmp_path: Path) -> None:
    nothing_ran(tmp_path)
    watch.begin()
    others_took(tmp_path, 30)
    watch.end()
    load, turbo = said(watch)
    assert load.startswith("others took 30 % of the CPUs while measuring")
    assert turbo == TURBO.message


@pytest.mark.parametrize(("threads", "loaded"), [(12, True), (6, False)])
def test_one_of_many_cpus_is_load_where_every_one_is_needed(tmp_path: Path, threads: int, loaded: bool) -> None:
    def stat(*busy: int) -> str:
        return "".join(f"cpu{cpu} {1000 + ticks} 0 0 {2000 - ticks} 0\n" for cpu, ticks in enumerate(busy))

    ticks = itertools.count()
    with recording(0.05, str(tmp_path), ("raspberry-pi",)) as recorder:
        watch = Watch(machine_state(tmp_path), recorder, lambda: next(ticks), tmp_path, threads)
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc/stat").write_text("".join(f"cpu{cpu} 1000 0 0 1000 0\n" for cpu in range(12)))
        watch.begin()
        (tmp_path / "proc/stat").write_text(stat(1000, *[0] * 11))
        watch.end()
    assert ("W-LOAD" in [finding.code for finding in watch.findings]) == loaded


def test_the_glance_counts_where_the_load_of_the_run_is_unknown(watch: Watch) -> None:
    watch.begin()
    watch.end()
    assert said(watch) == [GLANCE.message, TURBO.message]


def await_readings(watch: Watch, more: int) -> None:
    enough = len(watch.telemetry.series[0].values) + more
    while len(watch.telemetry.series[0].values) < enough:
        time.sleep(0.01)


def test_the_clock_that_counts_is_that_of_the_cpus_it_may_use(tmp_path: Path) -> None:
    clocks = [tmp_path / f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq" for cpu in (0, 3)]
    for clock in clocks:
        clock.parent.mkdir(parents=True)
        clock.write_text("3000000")
    state = msgspec.structs.replace(machine_state(tmp_path), affinity=(3,))
    with recording(0.01, str(tmp_path), ("clocks",)) as recorder:
        watch = Watch(state, recorder, time.monotonic_ns, tmp_path)
        watch.begin()
        await_readings(watch, 10)
        clocks[1].write_text("1000000")
        await_readings(watch, 10)
        watch.end()
    assert "W-CLOCK-DROP" in [finding.code for finding in watch.findings]


def test_what_is_found_in_two_ways_stands_once_with_all_of_it(tmp_path: Path) -> None:
    files = {
        "sys/class/hwmon/hwmon3/name": "soctherm_oc",
        "sys/class/hwmon/hwmon3/oc3_event_cnt": "15",
        "sys/class/thermal/cooling_device1/type": "cpufreq-cpu0",
        "sys/class/thermal/cooling_device1/cur_state": "4",
        "sys/class/thermal/cooling_device1/max_state": "9",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with recording(0.01, str(tmp_path), ("cooling",)) as recorder:
        watch = Watch(machine_state(tmp_path), recorder, time.monotonic_ns, tmp_path)
        watch.begin()
        await_readings(watch, 3)
        (tmp_path / "sys/class/hwmon/hwmon3/oc3_event_cnt").write_text("16")
        watch.end()
    (found,) = [finding for finding in watch.findings if finding.code == "W-THROTTLED"]
    assert found.severity == "invalid"
    assert "(oc3 +1)" in found.message
    assert "; also: cooling cpufreq-cpu0" in found.message
    assert found.evidence["oc3"] == 1.0
    assert [value for name, value in found.evidence.items() if name.startswith("cooling")] == [1.0]
