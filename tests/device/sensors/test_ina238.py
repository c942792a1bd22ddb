from __future__ import annotations

from edgetl.device.sensors.ina238 import SENSOR
from edgetl.device.sensors.ina3221 import SENSOR as INA3221

HWMON = "sys/bus/i2c/devices/2-0044/hwmon/hwmon5"


def test_power_is_in_microwatts_and_of_unknown_rail(device, told, totals) -> None:
    device.has({"name": "ina238"}, "sys/bus/i2c/devices/2-0044")
    device.has({"power1_input": 21_500_000, "in1_input": 20_010, "curr1_input": 1074}, HWMON)
    source = device.open(SENSOR)
    assert told(source) == {"hwmon5": 21.5}
    assert totals(source) == set()


def test_on_a_thor_it_is_the_input_of_the_carrier_board(device, told, totals) -> None:
    device.has({"name": "ina238"}, "sys/bus/i2c/devices/2-0044")
    device.has({"power1_input": 30_250_000}, HWMON)
    device.has({"compatible": "nvidia,p3971-0089+p3834-0008\0nvidia,tegra264\0"}, "proc/device-tree")
    device.has({"name": "ina3221"}, "sys/bus/i2c/devices/1-0040")
    for number, name in enumerate(("VDD_GPU", "VDD_CPU_SOC_MSS", "VIN_SYS_5V0"), 1):
        files = {f"in{number}_label": name, f"in{number}_input": 5000, f"curr{number}_input": 900}
        device.has(files, "sys/bus/i2c/devices/1-0040/hwmon/hwmon1")
    source = device.open(SENSOR)
    assert told(source) == {"VIN": 30.25}
    assert totals(source) == {"VIN"}
    assert totals(device.open(INA3221)) == set()


def test_says_so_when_it_cannot_be_read(device) -> None:
    device.has({"name": "ina238"}, "sys/bus/i2c/devices/2-0044")
    device.has({"power1_input": "busy"}, HWMON)
    assert "run as root" in device.why_not(SENSOR)
