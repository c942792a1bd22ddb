from __future__ import annotations

import pytest

from edgetl.device.sensors.raspberry_pi import SENSOR

PI_4 = "sys/devices/platform/soc/soc:firmware"
PI_5 = "sys/devices/platform/axi/axi:firmware"


@pytest.mark.parametrize("place", [PI_4, PI_5, "sys/devices/platform/firmware"])
@pytest.mark.parametrize(
    ("flags", "on"),
    [
        ("0", set()),
        ("50000", {"under-voltage since boot", "throttled since boot"}),
        ("50005", {"under-voltage now", "throttled now", "under-voltage since boot", "throttled since boot"}),
        ("0xa0008", {"soft temperature limit now", "frequency capped since boot", "soft temperature limit since boot"}),
    ],
)
def test_bits_are_told_one_by_one(device, told, place: str, flags: str, on: set[str]) -> None:
    device.has({"get_throttled": flags}, place)
    said = told(device.open(SENSOR))
    assert len(said) == 8
    assert set(said.values()) <= {0.0, 1.0}
    assert {name for name, value in said.items() if value} == on


def test_states_are_of_now_and_what_sticks_is_a_count(device) -> None:
    device.has({"get_throttled": "0"}, PI_4)
    channels = device.open(SENSOR).channels
    assert {c.quantity for c in channels if c.name.endswith("now")} == {"throttle-state"}
    assert {c.quantity for c in channels if c.name.endswith("since boot")} == {"throttle-count"}
    assert {c.name for c in channels if c.is_supply} == {"under-voltage now", "under-voltage since boot"}


@pytest.mark.parametrize("flags", ["", "throttled", "0x"])
def test_flags_that_cannot_be_read_are_unknown(device, told, flags: str) -> None:
    device.has({"get_throttled": flags}, PI_4)
    assert set(told(device.open(SENSOR)).values()) == {None}
