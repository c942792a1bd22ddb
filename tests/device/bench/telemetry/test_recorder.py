from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetl.device.bench.child import child_environment
from edgetl.device.bench.telemetry import recorder as recorder_module
from edgetl.device.bench.telemetry.recorder import Recorder, recording
from edgetl.errors import Unsupported
from edgetl.plugins import SENSORS
from edgetl.telemetry import Telemetry

THERMAL = "sys/class/thermal/thermal_zone0"
PATIENCE_S = 30


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """One temperature and one counter."""
    (tmp_path / THERMAL).mkdir(parents=True)
    (tmp_path / THERMAL / "type").write_text("cpu-thermal\n")
    heat(tmp_path, 40_000)
    chip = tmp_path / "sys/class/hwmon/hwmon0"
    chip.mkdir(parents=True)
    (chip / "name").write_text("soctherm_oc\n")
    (chip / "oc3_event_cnt").write_text("7\n")
    return tmp_path


def heat(root: Path, millidegrees: int) -> None:
    """At once, so that no reading falls in between."""
    new = root / THERMAL / "new"
    new.write_text(f"{millidegrees}\n")
    new.rename(root / THERMAL / "temp")


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def temperatures(telemetry: Telemetry) -> tuple[float | None, ...]:
    return next(series.values for series in telemetry.series if series.channel.sensor == "thermal")


def is_alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_samples_and_readings_share_one_clock() -> None:
    clocks = {time.get_clock_info(name).implementation for name in ("perf_counter", "monotonic")}
    assert clocks == {"clock_gettime(CLOCK_MONOTONIC)"}
    before = time.perf_counter_ns()
    assert before <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) <= time.perf_counter_ns()


def test_values_that_change_are_recorded_in_time(device: Path) -> None:
    start_ns = time.perf_counter_ns()
    with recording(0.02, str(device)) as recorder:
        eventually(lambda: 40.0 in temperatures(recorder.telemetry))
        heat(device, 61_500)
        eventually(lambda: 61.5 in temperatures(recorder.telemetry))
    end_ns = time.perf_counter_ns()
    series = next(series for series in recorder.telemetry.series if series.channel.sensor == "thermal")
    assert list(series.times_ns) == sorted(series.times_ns)
    assert start_ns < series.times_ns[0]
    assert series.times_ns[-1] < end_ns
    assert set(series.values) == {40.0, 61.5}
    # 40 until the change, 61.5 from then on
    assert series.values.index(61.5) == series.values.count(40.0)
    assert recorder.telemetry.period_ns == 20_000_000


def test_sensors_that_are_not_there_are_named_with_their_reason(device: Path) -> None:
    with recording(10, str(device)) as recorder:
        pass
    there = {series.channel.sensor for series in recorder.telemetry.series}
    assert there == {"thermal", "jetson-overcurrent"}
    assert {missing.sensor for missing in recorder.telemetry.missing} == set(SENSORS) - there
    assert all(missing.reason for missing in recorder.telemetry.missing)


def test_counters_are_read_once_more_at_the_end(device: Path) -> None:
    with recording(3600, str(device), ("jetson-overcurrent",)) as recorder:
        eventually(lambda: recorder.telemetry.series[0].values)
        (device / "sys/class/hwmon/hwmon0/oc3_event_cnt").write_text("9\n")
    assert recorder.telemetry.series[0].values == (7.0, 9.0)


def test_a_process_that_dies_leaves_what_it_read_and_a_reason(device: Path) -> None:
    with recording(0.02, str(device)) as recorder:
        eventually(lambda: temperatures(recorder.telemetry))
        assert recorder.process_id is not None
        os.kill(recorder.process_id, signal.SIGKILL)
    assert set(temperatures(recorder.telemetry)) == {40.0}
    reasons = {missing.sensor: missing.reason for missing in recorder.telemetry.missing}
    assert set(reasons) == set(SENSORS)
    assert reasons["thermal"] == reasons["jetson-overcurrent"] == "the telemetry process was killed by signal 9"
    assert "no INA3221" in reasons["ina3221"]


def test_a_process_that_cannot_start_leaves_a_reason_for_every_sensor(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (device / "sitecustomize.py").write_text("raise SystemExit('no such luck')")
    monkeypatch.setenv("PYTHONPATH", str(device))
    with recording(0.02, str(device), ("thermal", "clocks")) as recorder:
        pass
    assert recorder.telemetry.series == ()
    assert [missing.sensor for missing in recorder.telemetry.missing] == ["thermal", "clocks"]
    assert {missing.reason for missing in recorder.telemetry.missing} == {
        "the telemetry process ended with exit code 1: SystemExit: no such luck"
    }


def test_an_interpreter_that_is_gone_is_no_error(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(device / "gone"))
    with recording(0.02, str(device), ("thermal",)) as recorder:
        pass
    assert "cannot be started" in recorder.telemetry.missing[0].reason


def test_the_process_is_gone_after_the_block_even_when_that_fails(device: Path) -> None:
    recorders: list[Recorder] = []

    def fail() -> None:
        with recording(0.02, str(device)) as recorder:
            recorders.append(recorder)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert recorders[0].process_id is not None
    assert not is_alive(recorders[0].process_id)
    assert set(temperatures(recorders[0].telemetry)) == {40.0}


def test_the_process_ends_when_its_parent_is_killed(device: Path, tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom edgetl.device.bench.telemetry.recorder import recording\n"
        f"with recording(0.02, {str(device)!r}) as recorder:\n"
        "    print(recorder.process_id, flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=child_environment(), cwd=tmp_path
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()
    eventually(lambda: not is_alive(child))


def test_an_interrupt_of_the_terminal_does_not_reach_the_process(device: Path) -> None:
    with recording(0.02, str(device)) as recorder:
        assert recorder.process_id is not None
        assert os.getpgid(recorder.process_id) != os.getpgid(0)


def test_imports_nothing_from_where_the_user_stands(
    device: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("msgspec", "edgetl", "subprocess"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    with recording(0.02, ".", ("thermal",)) as recorder:
        pass
    assert set(temperatures(recorder.telemetry)) == {40.0}


def test_unknown_sensor_is_refused_before_anything_starts() -> None:
    with pytest.raises(Unsupported, match="unknown sensor 'sonar'"), recording(sensors=("sonar",)):
        pass


def test_a_reading_takes_little_of_the_processor(device: Path) -> None:
    for number in range(1, 40):
        zone = device / f"sys/class/thermal/thermal_zone{number}"
        zone.mkdir()
        (zone / "temp").write_text("50000\n")
    with recording(0.005, str(device)) as recorder:
        first = len(temperatures(recorder.telemetry))
        before_s = processor_seconds(recorder.process_id)
        eventually(lambda: len(temperatures(recorder.telemetry)) >= first + 100)
        spent_s = processor_seconds(recorder.process_id) - before_s
        readings = len(temperatures(recorder.telemetry)) - first
    # 1 % of one CPU at twice a second
    assert spent_s / readings < 0.005


def processor_seconds(process_id: int | None) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_sensor_that_never_answers_costs_its_readings_only(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "_END_S", 0.3)
    with recording(0.02, str(device)) as recorder:
        eventually(lambda: temperatures(recorder.telemetry))
        (device / THERMAL / "temp").unlink()
        os.mkfifo(device / THERMAL / "temp")
        time.sleep(0.2)
    assert set(temperatures(recorder.telemetry)) <= {40.0, None}
    reasons = {missing.sensor: missing.reason for missing in recorder.telemetry.missing}
    assert "hung" in reasons["thermal"]


def test_a_sensor_that_never_opens_costs_the_telemetry_only(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "_START_S", 0.5)
    (device / THERMAL / "type").unlink()
    os.mkfifo(device / THERMAL / "type")
    with recording(0.02, str(device), ("thermal",)) as recorder:
        pass
    assert "did not start" in recorder.telemetry.missing[0].reason
    assert recorder.process_id is not None
    assert not is_alive(recorder.process_id)
