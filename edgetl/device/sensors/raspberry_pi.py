"""A Raspberry Pi's word on its supply and its heat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgetl.device.sensors.readings import Readings
from edgetl.device.sensors.sysfs import read_number
from edgetl.telemetry import Channel, Missing, Source

_PATHS = (
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/devices/platform/*firmware*/get_throttled",
    "sys/devices/platform/*/*firmware*/get_throttled",
)
_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
_SINCE_BOOT = 16
"""Bits from here on say the same of some moment since boot."""


class RaspberryPi:
    """Four states, and whether each ever was since boot (as a count of 0 or 1: only a rise belongs to a run).

    References:
        Raspberry Pi documentation, ``vcgencmd get_throttled``.
    """

    name = "raspberry-pi"

    def open(self, root: str = "/") -> Source | Missing:
        """The firmware's flags."""
        path = next((found for pattern in _PATHS for found in sorted(Path(root).glob(pattern))), None)
        if path is None:
            return Missing(self.name, "no get_throttled of a Raspberry Pi's firmware in /sys/devices/platform")
        flags = path
        now = [Channel(self.name, f"{bit} now", "throttle-state", is_supply=bit == _BITS[0]) for bit in _BITS]
        ever = [Channel(self.name, f"{bit} since boot", "throttle-count", is_supply=bit == _BITS[0]) for bit in _BITS]
        return Readings((*now, *ever), lambda: _bits(flags))


SENSOR = RaspberryPi()


def _bits(path: Path) -> Sequence[float | None]:
    value = read_number(path, base=16)
    places = [*range(len(_BITS)), *range(_SINCE_BOOT, _SINCE_BOOT + len(_BITS))]
    return [None if value is None else float(int(value) >> place & 1) for place in places]
