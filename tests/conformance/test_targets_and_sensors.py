"""Every target and sensor of the tables is sound; a new entry is tested as it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

import pytest

from edgetl.plugins import BACKENDS, SENSORS, TARGETS, find
from edgetl.target import Target
from edgetl.telemetry import Missing, Quantity, Sensor


@pytest.mark.parametrize("name", TARGETS)
def test_target_bears_the_name_it_is_found_by(name: str) -> None:
    target = find(TARGETS, name, "target")
    assert isinstance(target, Target)
    assert target.name == name


@pytest.mark.parametrize("name", TARGETS)
def test_target_names_only_what_exists(name: str) -> None:
    target: Target = find(TARGETS, name, "target")
    assert target.runtimes
    assert set(target.runtimes) <= set(BACKENDS)
    assert target.sensor is None or target.sensor in SENSORS
    assert all(count >= 1 for count in target.threads)
    assert len(set(target.threads)) == len(target.threads)


QUANTITIES = get_args(Quantity)


@pytest.mark.parametrize("name", SENSORS)
def test_sensor_bears_the_name_it_is_found_by(name: str) -> None:
    sensor: Sensor = find(SENSORS, name, "sensor")
    assert sensor.name == name


@pytest.mark.parametrize("name", SENSORS)
def test_sensor_says_why_it_is_missing_from_an_empty_device(name: str, tmp_path: Path) -> None:
    sensor: Sensor = find(SENSORS, name, "sensor")
    missing = sensor.open(str(tmp_path))
    assert isinstance(missing, Missing)
    assert missing.sensor == name
    assert len(missing.reason) > 10
    assert str(tmp_path) not in missing.reason


@pytest.mark.parametrize("name", SENSORS)
@pytest.mark.parametrize("root", ["a device with everything", "/"])
def test_sensor_tells_one_value_per_channel(name: str, root: str, everything: Path) -> None:
    sensor: Sensor = find(SENSORS, name, "sensor")
    source = sensor.open("/" if root == "/" else str(everything))
    if isinstance(source, Missing):
        # a tree of files has no driver and needs no fallback; of the real machine nothing is known
        assert root == "/" or name in ("nvml", "tegrastats")
        return
    assert source.channels
    assert {channel.sensor for channel in source.channels} == {name}
    assert {channel.quantity for channel in source.channels} <= set(QUANTITIES)
    names = [(channel.quantity, channel.name) for channel in source.channels]
    assert len(set(names)) == len(names)
    for _ in range(2):
        values = source.read()
        assert len(values) == len(source.channels)
        assert all(value is None or isinstance(value, (int, float)) for value in values)
    source.close()
    source.close()


@pytest.mark.parametrize("name", SENSORS)
def test_only_power_and_energy_are_totals_and_only_throttling_is_of_the_supply(name: str, everything: Path) -> None:
    sensor: Sensor = find(SENSORS, name, "sensor")
    source = sensor.open(str(everything))
    if not isinstance(source, Missing):
        assert {c.quantity for c in source.channels if c.is_total} <= {"power", "energy"}
        assert {c.quantity for c in source.channels if c.is_supply} <= {"throttle-count", "throttle-state"}
        source.close()


@pytest.mark.parametrize("name", SENSORS)
def test_sensor_never_makes_up_a_value_when_its_files_are_gone(name: str, everything: Path) -> None:
    sensor: Sensor = find(SENSORS, name, "sensor")
    source = sensor.open(str(everything))
    if not isinstance(source, Missing):
        shutil.rmtree(everything / "sys")
        assert list(source.read()) == [None] * len(source.channels)
        source.close()


EVERYTHING = {
    "sys/bus/i2c/devices/1-0040/name": "ina3221",
    "sys/bus/i2c/devices/1-0040/hwmon/hwmon1/in1_label": "VDD_IN",
    "sys/bus/i2c/devices/1-0040/hwmon/hwmon1/in1_input": "5000",
    "sys/bus/i2c/devices/1-0040/hwmon/hwmon1/curr1_input": "1000",
    "sys/bus/i2c/devices/2-0044/name": "ina238",
    "sys/bus/i2c/devices/2-0044/hwmon/hwmon2/power1_input": "9000000",
    "sys/class/powercap/intel-rapl:0/name": "package-0",
    "sys/class/powercap/intel-rapl:0/energy_uj": "123456",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": "45000",
    "sys/class/thermal/cooling_device0/type": "cpufreq-cpu0",
    "sys/class/thermal/cooling_device0/cur_state": "0",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000",
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "0",
    "sys/class/hwmon/hwmon3/name": "soctherm_oc",
    "sys/class/hwmon/hwmon3/oc1_event_cnt": "0",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005",
    "usr/bin/tegrastats": "",
}


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """A device that has every sensor whose word is a file."""
    for name, content in EVERYTHING.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return tmp_path
