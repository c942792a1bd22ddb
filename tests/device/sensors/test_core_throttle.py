from __future__ import annotations

from edgetl.device.sensors.core_throttle import SENSOR


def test_siblings_are_counted_once(device, told) -> None:
    # two packages of two cores with two threads each
    for cpu in range(8):
        package, core = cpu % 4 // 2, cpu % 2
        under = f"sys/devices/system/cpu/cpu{cpu}"
        device.has({"physical_package_id": package, "core_id": core}, f"{under}/topology")
        counts = {"core_throttle_count": 10 * package + core, "package_throttle_count": 100 + package}
        device.has(counts, f"{under}/thermal_throttle")
    assert told(device.open(SENSOR)) == {
        "package 0": 100.0,
        "package 0 core 0": 0.0,
        "package 0 core 1": 1.0,
        "package 1": 101.0,
        "package 1 core 0": 10.0,
        "package 1 core 1": 11.0,
    }


def test_a_virtual_machine_has_none(device) -> None:
    device.has({"core_id": 0}, "sys/devices/system/cpu/cpu0/topology")
    assert "thermal_throttle" in device.why_not(SENSOR)
