"""Temperatures of the kernel's thermal zones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edgetl.device.kernel.files import by_number, quantity, read
from edgetl.device.sensors.readings import Value, one_by_one
from edgetl.telemetry import Channel, Missing, Source

_OFFLINE_C = -256


class Thermal:
    """All zones but a Jetson's PMIC, which tells the same number for ever.

    References:
        Linux kernel, ``Documentation/driver-api/thermal/sysfs-api.rst``.
    """

    name = "thermal"

    def open(self, root: str = "/") -> Source | Missing:
        """Also zones that cannot be read now: that of a GPU comes when the GPU wakes up."""
        folders = by_number(Path(root).glob("sys/class/thermal/thermal_zone*"))
        zones = [(read(folder / "type") or folder.name, folder) for folder in folders]
        zones = [(name, folder) for name, folder in zones if not name.upper().startswith("PMIC")]
        if not zones:
            return Missing(self.name, "no thermal zones in /sys/class/thermal")
        count = Counter(name for name, _ in zones)
        unique = [(name if count[name] == 1 else f"{name} {folder.name}", folder) for name, folder in zones]
        return one_by_one((Channel(self.name, name, "temperature"), _celsius(folder)) for name, folder in unique)


SENSOR = Thermal()


def _celsius(zone: Path) -> Value:
    def temperature() -> float | None:
        value = quantity(zone / "temp", per_unit=1000)
        return None if value is None or value <= _OFFLINE_C else value

    return temperature
