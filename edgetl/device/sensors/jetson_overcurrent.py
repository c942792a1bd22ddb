"""Events of a Jetson's over-current comparators, which are faster than its power monitors."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.sensors.readings import Value, one_by_one
from edgetl.device.sensors.sysfs import by_number, read_number, read_text
from edgetl.telemetry import Channel, Missing, Source

_EVENTS = {1: "under-voltage", 2: "average over-current", 3: "instantaneous over-current"}


class JetsonOvercurrent:
    """Counts since boot, from NVIDIA's driver ``tegra234-oc-event``; no root needed."""

    name = "jetson-overcurrent"

    def open(self, root: str = "/") -> Source | Missing:
        """The counters that the board has."""
        folders = by_number(Path(root).glob("sys/class/hwmon/hwmon*"))
        chips = [folder for folder in folders if read_text(folder / "name") == "soctherm_oc"]
        found = [
            (Channel(self.name, f"oc{number} {event}", "throttle-count", is_supply=number == 1), _count(path))
            for chip in chips
            for number, event in _EVENTS.items()
            if (path := chip / f"oc{number}_event_cnt").exists()
        ]
        if not found:
            return Missing(self.name, "no soctherm_oc in /sys/class/hwmon (Jetson Orin and later have it)")
        return one_by_one(found)


SENSOR = JetsonOvercurrent()


def _count(path: Path) -> Value:
    return lambda: read_number(path)
