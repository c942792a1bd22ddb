from __future__ import annotations

from edgetl.device.sensors.jetson_overcurrent import SENSOR


def test_counters_are_found_by_the_name_of_their_chip(device, told) -> None:
    device.has({"name": "pwmfan", "oc1_event_cnt": 99}, "sys/class/hwmon/hwmon0")
    counts = {"oc1_event_cnt": 0, "oc2_event_cnt": 12, "oc3_event_cnt": 4711, "oc3_throt_en": 1}
    device.has({"name": "soctherm_oc", **counts}, "sys/class/hwmon/hwmon4")
    source = device.open(SENSOR)
    assert told(source) == {
        "oc1 under-voltage": 0.0,
        "oc2 average over-current": 12.0,
        "oc3 instantaneous over-current": 4711.0,
    }
    assert [channel.is_supply for channel in source.channels] == [True, False, False]
    assert {channel.quantity for channel in source.channels} == {"throttle-count"}


def test_a_counter_that_is_not_there_is_not_made_up(device, told) -> None:
    device.has({"name": "soctherm_oc", "oc3_event_cnt": 5}, "sys/class/hwmon/hwmon4")
    assert told(device.open(SENSOR)) == {"oc3 instantaneous over-current": 5.0}
