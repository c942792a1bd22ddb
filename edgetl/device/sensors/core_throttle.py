"""How often x86 cores and packages slowed down for heat since boot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgetl.device.sensors.readings import Value, one_by_one
from edgetl.device.sensors.sysfs import by_number, read_number, read_text
from edgetl.telemetry import Channel, Missing, Source


class CoreThrottle:
    """Counters of ``thermal_throttle``, once per physical core and once per package: siblings tell the same."""

    name = "core-throttle"

    def open(self, root: str = "/") -> Source | Missing:
        """All counters."""
        found = dict(_counters(Path(root)))
        if not found:
            return Missing(
                self.name, "no thermal_throttle in /sys/devices/system/cpu (physical Intel processors have it)"
            )
        return one_by_one((Channel(self.name, name, "throttle-count"), count) for name, count in found.items())


SENSOR = CoreThrottle()


def _counters(root: Path) -> Iterator[tuple[str, Value]]:
    for cpu in by_number(root.glob("sys/devices/system/cpu/cpu[0-9]*")):
        package = read_text(cpu / "topology/physical_package_id") or "0"
        core = read_text(cpu / "topology/core_id") or cpu.name
        for name, counter in (
            (f"package {package}", "package_throttle_count"),
            (f"package {package} core {core}", "core_throttle_count"),
        ):
            path = cpu / "thermal_throttle" / counter
            if path.exists():
                yield name, _count(path)


def _count(path: Path) -> Value:
    return lambda: read_number(path)
