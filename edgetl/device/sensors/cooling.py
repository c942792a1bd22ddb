"""Whether the kernel holds clocks down for heat, now."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.kernel.files import by_number, quantity, read
from edgetl.device.sensors.readings import Value, one_by_one
from edgetl.telemetry import Channel, Missing, Source

_LOWERS_CLOCKS = ("cpufreq", "devfreq", "processor")
"""Words in the type of a cooling device; a fan is none of them."""


class Cooling:
    """Cooling devices that lower a clock; a state above 0 means that it is lowered.

    References:
        Linux kernel, ``Documentation/driver-api/thermal/sysfs-api.rst``.
    """

    name = "cooling"

    def open(self, root: str = "/") -> Source | Missing:
        """One channel per device."""
        folders = by_number(Path(root).glob("sys/class/thermal/cooling_device*"))
        kinds = [(read(folder / "type") or "", folder) for folder in folders]
        found = [(kind, folder) for kind, folder in kinds if any(word in kind.lower() for word in _LOWERS_CLOCKS)]
        if not found:
            return Missing(self.name, "no cooling device in /sys/class/thermal lowers a clock")
        return one_by_one(
            (Channel(self.name, f"{kind} {folder.name}", "throttle-state"), _is_lowered(folder))
            for kind, folder in found
        )


SENSOR = Cooling()


def _is_lowered(device: Path) -> Value:
    def state() -> float | None:
        value = quantity(device / "cur_state")
        return None if value is None else float(value > 0)

    return state
