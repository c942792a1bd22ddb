"""How the machine stood while something was measured: what changes from run to run. Unknown is ``None``."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgetl.validity import Finding


class Clock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Clock of one CPU, GPU or memory."""

    name: str
    current_hz: int | None
    min_hz: int | None
    max_hz: int | None
    governor: str | None = None
    driver: str | None = None

    @property
    def is_pinned(self) -> bool | None:
        """Whether it cannot change; ``None`` when that is unknown."""
        if self.min_hz is None or self.max_hz is None:
            return None
        return self.min_hz == self.max_hz


class Pressure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Share of the last ten seconds in which some task waited (Linux PSI), as a fraction."""

    cpu: float | None
    """Of the container's tasks, where that has a quota."""
    memory: float | None
    io: float | None


class CpuTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds since boot, summed over the CPUs that this process may use."""

    capacity_s: float
    """Busy or not."""
    busy_s: float
    """In which anything ran, ``stolen_s`` included."""
    stolen_s: float
    """In which a hypervisor ran other machines."""
    own_s: float
    """Of this process, of those that belong to it, and of its children that ended."""
    cpus: float
    """How many these are, or what the quota of the container amounts to where that is less."""
    quota_s: float | None = None
    """What the quota of the container amounts to; ``None`` where it has none, or one of as many CPUs as there are."""
    quota_used_s: float | None = None
    """Of all processes under that quota; ``None`` when that is unknown."""


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counters of this process, its container and the machine that only grow; two readings say what a run caused."""

    major_faults: int | None
    involuntary_switches: int | None
    swapped_bytes: int | None
    quota_stops: int | None
    """How often the container's CPU quota stopped it (``nr_throttled``)."""
    throttle_counts: dict[str, int] = {}
    """Heat, current and supply events since boot, by counter."""
    cpu_time: CpuTime | None = None


class MachineState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was found before measuring, and what went wrong meanwhile; nothing was changed to find it."""

    clocks: tuple[Clock, ...]
    turbo: Literal["on", "off"] | None
    power_mode: str | None
    """``nvpmodel``'s mode, with its number."""
    platform_release: str | None
    """L4T release of a Jetson."""
    jetpack: str | None
    load_average: float | None
    pressure: Pressure
    memory_available_bytes: int | None
    swap_used_bytes: int | None
    cpu_quota: float | None
    """CPUs that the container's quota amounts to."""
    affinity: tuple[int, ...]
    """CPUs that this process may use; empty when unknown."""
    isolated_cpus: str | None
    load_by_others: float | None = None
    """Share of the CPUs that this process may use, or of its container's quota, which others took while it was watched
    (:func:`edgetl.device.probe.cpu_time.share_of_others`); ``None`` when that is unknown."""
    pi_throttled: int | None = None
    """A Raspberry Pi's ``get_throttled``: bits 0 to 3 tell what is so now, 16 to 19 what was since boot."""
    findings: tuple[Finding, ...] = ()
    """What of it, or of what happened to it while measuring, speaks against the numbers."""


def cpu_ranges(cpus: tuple[int, ...]) -> str:
    """``0-3,8``: as the kernel and ``taskset`` write lists of CPUs."""
    runs: list[list[int]] = []
    for cpu in cpus:
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs) or "unknown"
