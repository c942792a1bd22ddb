"""Energy counters of x86 processors (running average power limit)."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.kernel.files import by_number, quantity, read
from edgetl.device.sensors.readings import one_by_one
from edgetl.telemetry import Channel, Missing, Source

_MICROJOULES = 1_000_000


class Rapl:
    """Packages, their parts (which packages mostly contain already) and the platform.

    References:
        Linux kernel, ``Documentation/power/powercap/powercap.rst``.
    """

    name = "rapl"

    def open(self, root: str = "/") -> Source | Missing:
        """All zones whose counter can be read."""
        zones = by_number(Path(root).glob("sys/class/powercap/intel-rapl:*"))
        if not zones:
            return Missing(self.name, "no energy counters in /sys/class/powercap (no x86 processor, or a container)")
        counters = [(_channel(self.name, zone), _Counter(zone)) for zone in zones]
        readable = [(channel, counter) for channel, counter in counters if counter() is not None]
        if not readable:
            path = f"/sys/class/powercap/{zones[0].name}/energy_uj"
            return Missing(
                self.name, f"{path} cannot be read: since CVE-2020-8694 only root may; run as root or `chmod a+r` it"
            )
        return one_by_one(readable)


SENSOR = Rapl()


class _Counter:
    """Joules since some moment; goes on where the hardware's counter begins again."""

    def __init__(self, zone: Path) -> None:
        self._energy = zone / "energy_uj"
        self._range_uj = quantity(zone / "max_energy_range_uj")
        self._last_uj, self._passed_uj = 0.0, 0.0

    def __call__(self) -> float | None:
        energy_uj = quantity(self._energy)
        if energy_uj is None:
            return None
        if energy_uj < self._last_uj:
            if self._range_uj is None:
                return None
            self._passed_uj += self._range_uj
        self._last_uj = energy_uj
        return (self._passed_uj + energy_uj) / _MICROJOULES


def _channel(sensor: str, zone: Path) -> Channel:
    name = read(zone / "name") or zone.name
    is_part = zone.name.count(":") > 1
    if is_part:
        parent = f"{zone.name.rpartition(':')[0]}"
        name = f"{read(zone.parent / parent / 'name') or parent} {name}"
    return Channel(sensor, name, "energy", is_total=not is_part and name.startswith("package"))
