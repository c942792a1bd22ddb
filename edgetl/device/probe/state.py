"""How the machine stands now, read from ``/proc`` and ``/sys`` in milliseconds; nothing is changed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from edgetl.device.kernel.files import numbers, read
from edgetl.device.probe import cgroup, clocks, jetson
from edgetl.device.probe.cpu_time import affinity, cpu_time, share_of_others
from edgetl.device.probe.lasting import load_average
from edgetl.device.probe.throttles import pi_throttled
from edgetl.machine_state import MachineState, Pressure

WINDOW_S = 0.2
"""Long enough to see others at work: ``/proc/stat`` counts hundredths of a second."""


def machine_state(
    root: Path = Path("/"),
    run: jetson.Run | None = None,
    window_s: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> MachineState:
    """Look at clocks, load, memory and limits, in less than 50 ms plus ``window_s``.

    Args:
        root: where ``proc``, ``sys``, ``etc`` and ``var`` are; another tree in tests.
        run: asks a Jetson's ``nvpmodel -q`` where its status file does not tell.
        window_s: how long to watch the load by others, such as ``WINDOW_S``; without it that load stays unknown.
        sleep: how to wait.
    """
    release = jetson.l4t_release(root)
    memory = numbers(read(root / "proc/meminfo"))
    return MachineState(
        clocks=clocks.cpu_clocks(root) + clocks.device_clocks(root),
        turbo=clocks.turbo(root),
        power_mode=jetson.power_mode(root, run if release else None),
        platform_release=release,
        jetpack=jetson.jetpack(release),
        load_average=load_average(root),
        pressure=Pressure(*(_waiting(root, name) for name in ("cpu", "memory", "io"))),
        memory_available_bytes=_available(root, memory),
        swap_used_bytes=_swap_used(memory),
        cpu_quota=cgroup.cpu_quota(root),
        affinity=affinity(root),
        isolated_cpus=read(root / "sys/devices/system/cpu/isolated"),
        load_by_others=_load_by_others(root, window_s, sleep),
        pi_throttled=pi_throttled(root),
    )


def _waiting(root: Path, resource: str) -> float | None:
    """Lines such as ``some avg10=1.25 avg60=...``, in percent; for a CPU, of the container where that has a quota."""
    path = root / "proc/pressure" / resource
    if resource == "cpu" and cgroup.cpu_quota(root) is not None:
        group = cgroup.quota_group(root)
        if group is None:
            return None
        path = group / "cpu.pressure"
    match = re.search(r"^some avg10=(\d{1,3}(?:\.\d+)?)\b", read(path) or "", re.ASCII | re.MULTILINE)
    return float(match[1]) / 100 if match else None


def _available(root: Path, memory: dict[str, int]) -> int | None:
    """What a new allocation can get: of the machine, and of the container when that has a limit."""
    available = memory.get("MemAvailable")
    found = [] if available is None else [available * 1024]
    return min(found + cgroup.free_bytes(root), default=None)


def _swap_used(memory: dict[str, int]) -> int | None:
    total, free = memory.get("SwapTotal"), memory.get("SwapFree")
    return None if total is None or free is None else max(0, total - free) * 1024


def _load_by_others(root: Path, window_s: float | None, sleep: Callable[[float], None]) -> float | None:
    before = None if window_s is None else cpu_time(root)
    if before is None or window_s is None:
        return None
    sleep(window_s)
    after = cpu_time(root)
    return None if after is None else share_of_others(before, after)
