"""Events of a Jetson's over-current comparators, which are faster than its power monitors."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.kernel.throttle_counters import overcurrent
from edgetl.device.sensors.readings import one_by_one
from edgetl.telemetry import Channel, Missing, Source


class JetsonOvercurrent:
    """Counts since boot; no root needed."""

    name = "jetson-overcurrent"

    def open(self, root: str = "/") -> Source | Missing:
        """The counters that the board has."""
        counters = overcurrent(Path(root))
        if not counters:
            return Missing(self.name, "no soctherm_oc in /sys/class/hwmon (Jetson Orin and later have it)")
        return one_by_one(
            (Channel(self.name, found.name, "throttle-count", is_supply=found.is_supply), found.count)
            for found in counters
        )


SENSOR = JetsonOvercurrent()
