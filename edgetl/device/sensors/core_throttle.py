"""How often x86 cores and packages slowed down for heat since boot."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.kernel.throttle_counters import core_throttle
from edgetl.device.sensors.readings import one_by_one
from edgetl.telemetry import Channel, Missing, Source


class CoreThrottle:
    """Counters of ``thermal_throttle``, once per physical core and once per package: siblings tell the same."""

    name = "core-throttle"

    def open(self, root: str = "/") -> Source | Missing:
        """All counters."""
        counters = core_throttle(Path(root))
        if not counters:
            return Missing(
                self.name, "no thermal_throttle in /sys/devices/system/cpu (physical Intel processors have it)"
            )
        return one_by_one((Channel(self.name, found.name, "throttle-count"), found.count) for found in counters)


SENSOR = CoreThrottle()
