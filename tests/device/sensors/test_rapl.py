from __future__ import annotations

from edgetl.device.sensors.rapl import SENSOR

ZONES = "sys/class/powercap"


def zone(name: str, energy_uj: int, range_uj: int = 1_000_000) -> dict[str, object]:
    return {"name": name, "energy_uj": energy_uj, "max_energy_range_uj": range_uj}


def test_packages_are_the_total_and_their_parts_are_not(device, told, totals) -> None:
    device.has(zone("package-0", 700_000), f"{ZONES}/intel-rapl:0")
    device.has(zone("core", 300_000), f"{ZONES}/intel-rapl:0:0")
    device.has(zone("package-1", 100_000), f"{ZONES}/intel-rapl:1")
    device.has(zone("core", 50_000), f"{ZONES}/intel-rapl:1:0")
    device.has(zone("psys", 900_000), f"{ZONES}/intel-rapl:2")
    device.has(zone("package-0", 1), f"{ZONES}/intel-rapl-mmio:0")
    source = device.open(SENSOR)
    assert told(source) == {
        "package-0": 0.7,
        "package-0 core": 0.3,
        "package-1": 0.1,
        "package-1 core": 0.05,
        "psys": 0.9,
    }
    assert totals(source) == {"package-0", "package-1"}
    assert {channel.quantity for channel in source.channels} == {"energy"}


def test_counter_goes_on_where_the_hardware_begins_again(device, told) -> None:
    told_j = []
    device.has(zone("package-0", 900_000), f"{ZONES}/intel-rapl:0")
    source = device.open(SENSOR)
    for energy_uj in (950_000, 20_000, 600_000, 10_000):
        device.has({"energy_uj": energy_uj}, f"{ZONES}/intel-rapl:0")
        told_j.append(told(source)["package-0"])
    assert told_j == [0.95, 1.02, 1.6, 2.01]


def test_counter_that_began_again_at_an_unknown_range_is_unknown(device, told) -> None:
    device.has({"name": "package-0", "energy_uj": 900_000}, f"{ZONES}/intel-rapl:0")
    source = device.open(SENSOR)
    device.has({"energy_uj": 100}, f"{ZONES}/intel-rapl:0")
    assert told(source) == {"package-0": None}


def test_unreadable_counter_says_that_root_is_needed(device) -> None:
    device.has({"name": "package-0"}, f"{ZONES}/intel-rapl:0")
    device.cannot_read(f"{ZONES}/intel-rapl:0/energy_uj")
    reason = device.why_not(SENSOR)
    assert "/sys/class/powercap/intel-rapl:0/energy_uj cannot be read" in reason
    assert "CVE-2020-8694" in reason
    assert "root" in reason
