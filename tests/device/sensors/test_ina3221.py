from __future__ import annotations

import pytest

from edgetl.device.sensors.ina3221 import SENSOR

HWMON = "sys/bus/i2c/devices/1-0040/hwmon/hwmon3"
IIO = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
ORIN_NANO = {
    "in1_label": "VDD_IN",
    "in1_input": 4968,
    "curr1_input": 1250,
    "in2_label": "VDD_CPU_GPU_CV",
    "in2_input": 4960,
    "curr2_input": 300,
    "in3_label": "NC",
    "in3_input": 4952,
    "curr3_input": 8,
    "in4_input": 1250,
    "curr4_input": 1558,
    "in7_label": "sum of shunt voltages",
    "in7_input": 3100,
    "curr7_input": 3,
}


def test_power_is_voltage_times_current_of_wired_rails(device, told, totals) -> None:
    device.has({"name": "ina3221"}, "sys/bus/i2c/devices/1-0040")
    device.has(ORIN_NANO, HWMON)
    source = device.open(SENSOR)
    assert told(source) == {"VDD_IN": pytest.approx(6.21), "VDD_CPU_GPU_CV": pytest.approx(1.488)}
    assert totals(source) == {"VDD_IN"}


def test_monitors_are_found_on_any_bus_and_their_rails_add_up(device, told, totals) -> None:
    rails = {"1-0040": ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"), "7-0041": ("NC", "VDDQ_VDD2_1V8AO", "NC")}
    for address, names in rails.items():
        device.has({"name": "ina3221"}, f"sys/bus/i2c/devices/{address}")
        for number, name in enumerate(names, 1):
            files = {f"in{number}_label": name, f"in{number}_input": 5000, f"curr{number}_input": 200 * number}
            device.has(files, f"sys/bus/i2c/devices/{address}/hwmon/hwmon{address[0]}")
    source = device.open(SENSOR)
    assert told(source) == {"VDD_GPU_SOC": 1.0, "VDD_CPU_CV": 2.0, "VIN_SYS_5V0": 3.0, "VDDQ_VDD2_1V8AO": 2.0}
    assert totals(source) == {"VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"}


def test_old_driver_tells_power_itself(device, told, totals) -> None:
    device.has({"name": "ina3221x"}, "sys/bus/i2c/devices/6-0040")
    device.has(
        {
            "rail_name_0": "POM_5V_IN",
            "in_power0_input": 2213,
            "in_voltage0_input": 5016,
            "rail_name_1": "POM_5V_GPU",
            "in_power1_input": 0,
            "rail_name_2": "NC",
            "in_power2_input": 7,
        },
        IIO,
    )
    source = device.open(SENSOR)
    assert told(source) == {"POM_5V_IN": 2.213, "POM_5V_GPU": 0.0}
    assert totals(source) == {"POM_5V_IN"}


def test_a_rail_that_fails_later_is_unknown_not_zero(device, told) -> None:
    device.has({"name": "ina3221"}, "sys/bus/i2c/devices/1-0040")
    device.has(ORIN_NANO, HWMON)
    source = device.open(SENSOR)
    device.cannot_read(f"{HWMON}/curr1_input")
    device.has({"in2_input": ""}, HWMON)
    assert told(source) == {"VDD_IN": None, "VDD_CPU_GPU_CV": None}


def test_other_chips_are_no_monitor(device) -> None:
    device.has({"name": "ina219"}, "sys/bus/i2c/devices/1-0040")
    device.has(ORIN_NANO, HWMON)
    assert "no INA3221" in device.why_not(SENSOR)


def test_says_what_to_do_when_nothing_of_it_can_be_read(device) -> None:
    device.has({"rail_name_0": "VDD_IN"}, IIO)
    assert "run as root" in device.why_not(SENSOR)
