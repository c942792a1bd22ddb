from __future__ import annotations

from edgetl.device.sensors.cooling import SENSOR

THERMAL = "sys/class/thermal"


def test_a_lowered_clock_is_throttling_and_a_fan_is_not(device, told) -> None:
    devices = (("pwm-fan", 3), ("thermal-cpufreq-0", 0), ("devfreq-17000000.gpu", 2), ("Processor", 1))
    for number, (kind, state) in enumerate(devices):
        device.has({"type": kind, "cur_state": state, "max_state": 10}, f"{THERMAL}/cooling_device{number}")
    source = device.open(SENSOR)
    assert told(source) == {
        "thermal-cpufreq-0 cooling_device1": 0.0,
        "devfreq-17000000.gpu cooling_device2": 1.0,
        "Processor cooling_device3": 1.0,
    }
    assert {channel.quantity for channel in source.channels} == {"throttle-state"}


def test_a_fan_alone_is_no_sensor(device) -> None:
    device.has({"type": "pwm-fan", "cur_state": 3}, f"{THERMAL}/cooling_device0")
    assert "lowers a clock" in device.why_not(SENSOR)


def test_a_state_that_cannot_be_read_is_unknown(device, told) -> None:
    device.has({"type": "cpufreq-cpu0"}, f"{THERMAL}/cooling_device0")
    assert told(device.open(SENSOR)) == {"cpufreq-cpu0 cooling_device0": None}
