"""A Raspberry Pi's word on its supply and its heat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgetl.device.kernel.throttle_counters import PI_BITS, PI_SINCE_BOOT, pi_flags, pi_flags_file
from edgetl.device.sensors.readings import Readings
from edgetl.telemetry import Channel, Missing, Source


class RaspberryPi:
    """Four states, and whether each ever was since boot (as a count of 0 or 1: only a rise belongs to a run).

    References:
        Raspberry Pi documentation, ``vcgencmd get_throttled``.
    """

    name = "raspberry-pi"

    def open(self, root: str = "/") -> Source | Missing:
        """The firmware's flags."""
        path = pi_flags_file(Path(root))
        if path is None:
            return Missing(self.name, "no get_throttled of a Raspberry Pi's firmware in /sys/devices/platform")
        flags = path
        now = [Channel(self.name, f"{bit} now", "throttle-state", is_supply=bit == PI_BITS[0]) for bit in PI_BITS]
        ever = [
            Channel(self.name, f"{bit} since boot", "throttle-count", is_supply=bit == PI_BITS[0]) for bit in PI_BITS
        ]
        return Readings((*now, *ever), lambda: _bits(flags))


SENSOR = RaspberryPi()


def _bits(path: Path) -> Sequence[float | None]:
    flags = pi_flags(path)
    places = [*range(len(PI_BITS)), *range(PI_SINCE_BOOT, PI_SINCE_BOOT + len(PI_BITS))]
    return [None if flags is None else float(flags >> place & 1) for place in places]
