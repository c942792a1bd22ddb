"""Clocks of CPUs, GPU and memory as the kernel tells them (cpufreq, devfreq, a Jetson's debugfs)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from edgetl.device.kernel.devfreq import devfreq_folders
from edgetl.device.kernel.files import by_number, number, read
from edgetl.machine_state import Clock

_CPUS = "sys/devices/system/cpu"
_EMC = "sys/kernel/debug/bpmp/debug/clk/emc"


def cpu_clocks(root: Path) -> tuple[Clock, ...]:
    """One clock per CPU that has cpufreq; most virtual machines have none."""
    folders = by_number((root / _CPUS).glob("cpu[0-9]*"))
    return tuple(_cpu_clock(folder) for folder in folders if (folder / "cpufreq").is_dir())


def device_clocks(root: Path) -> tuple[Clock, ...]:
    """Clocks of GPU and memory, where devfreq has them; the memory clock of a Jetson is for root only."""
    found = [
        Clock(f"{kind} {folder.name}", *_hertz(folder), read(folder / "governor"))
        for kind, folder in devfreq_folders(root)
    ]
    if (rate := number(root / _EMC / "rate")) is not None:
        found.append(Clock("emc", rate, number(root / _EMC / "min_rate"), number(root / _EMC / "max_rate")))
    return tuple(found)


def turbo(root: Path) -> Literal["on", "off"] | None:
    """Whether CPUs may run above their base clock (``intel_pstate``'s ``no_turbo``, cpufreq's ``boost``)."""
    forbidden = number(root / _CPUS / "intel_pstate/no_turbo")
    if forbidden is not None:
        return "off" if forbidden else "on"
    allowed = number(root / _CPUS / "cpufreq/boost")
    return None if allowed is None else "on" if allowed else "off"


def _cpu_clock(folder: Path) -> Clock:
    """Files of cpufreq are in kHz."""
    cpufreq = folder / "cpufreq"
    current, low, high = (
        None if (khz := number(cpufreq / f"scaling_{name}_freq")) is None else khz * 1_000
        for name in ("cur", "min", "max")
    )
    return Clock(
        name=folder.name,
        current_hz=current,
        min_hz=low,
        max_hz=high,
        governor=read(cpufreq / "scaling_governor"),
        driver=read(cpufreq / "scaling_driver"),
    )


def _hertz(folder: Path) -> tuple[int | None, int | None, int | None]:
    """Files of devfreq are in Hz: the clock of now, the lowest and the highest."""
    current, low, high = (number(folder / f"{name}_freq") for name in ("cur", "min", "max"))
    return current, low, high
