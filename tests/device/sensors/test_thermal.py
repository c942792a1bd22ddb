from __future__ import annotations

from edgetl.device.sensors.thermal import SENSOR

THERMAL = "sys/class/thermal"


def test_zones_are_told_in_degrees_and_one_that_fails_is_unknown(device, told) -> None:
    for number, (kind, temp) in enumerate((("cpu-thermal", 47_250), ("PMIC-Die", 100_000), ("soc0-thermal", -256_000))):
        device.has({"type": kind, "temp": temp}, f"{THERMAL}/thermal_zone{number}")
    device.has({"type": "gpu-thermal"}, f"{THERMAL}/thermal_zone10")
    device.cannot_read(f"{THERMAL}/thermal_zone10/temp")
    source = device.open(SENSOR)
    assert told(source) == {"cpu-thermal": 47.25, "soc0-thermal": None, "gpu-thermal": None}


def test_zones_of_one_type_are_told_apart(device, told) -> None:
    device.has({"type": "acpitz", "temp": 20_000}, f"{THERMAL}/thermal_zone0")
    device.has({"type": "acpitz", "temp": 30_000}, f"{THERMAL}/thermal_zone1")
    assert told(device.open(SENSOR)) == {"acpitz thermal_zone0": 20.0, "acpitz thermal_zone1": 30.0}
