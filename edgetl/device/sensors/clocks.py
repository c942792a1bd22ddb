"""Clocks of CPUs and GPU, as the kernel tells them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgetl.device.kernel.devfreq import devfreq_folders
from edgetl.device.kernel.files import by_number, cpu_list, quantity, read
from edgetl.device.sensors.readings import Value, one_by_one
from edgetl.machine_state import cpu_ranges
from edgetl.telemetry import Channel, Missing, Source


class Clocks:
    """``cpufreq`` (one clock per group of CPUs that share it, named ``cpu4-7``) and ``devfreq``."""

    name = "clocks"

    def open(self, root: str = "/") -> Source | Missing:
        """All clocks there are."""
        found = [*_cpus(Path(root)), *_gpus(Path(root))]
        if not found:
            return Missing(
                self.name, "no cpufreq in /sys/devices/system/cpu (a virtual machine has none) and no devfreq"
            )
        return one_by_one((Channel(self.name, name, "frequency"), value) for name, value in found)


SENSOR = Clocks()


def _cpus(root: Path) -> Iterator[tuple[str, Value]]:
    groups = set()
    for folder in by_number(root.glob("sys/devices/system/cpu/cpu[0-9]*")):
        path = folder / "cpufreq/scaling_cur_freq"
        name = _group(read(folder / "cpufreq/affected_cpus")) or folder.name
        if path.exists() and name not in groups:
            groups.add(name)
            yield name, _hertz(path, unit_hz=1000)


def _group(affected: str | None) -> str | None:
    """``cpu4-7`` of ``4 5 6 7``."""
    cpus = cpu_list(",".join((affected or "").split()))
    return f"cpu{cpu_ranges(cpus)}" if cpus else None


def _gpus(root: Path) -> Iterator[tuple[str, Value]]:
    for kind, folder in devfreq_folders(root):
        if kind == "gpu":
            yield f"gpu {folder.name}", _hertz(folder / "cur_freq", unit_hz=1)


def _hertz(path: Path, unit_hz: int) -> Value:
    def frequency() -> float | None:
        value = quantity(path)
        return None if value is None else value * unit_hz

    return frequency
