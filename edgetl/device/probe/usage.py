"""What a run caused: counters before and after it, and what speaks against the run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgetl.device.kernel.files import numbers, read
from edgetl.device.probe import cgroup
from edgetl.device.probe.cpu_time import cpu_time, share_of_others, stat_fields, stolen_share
from edgetl.device.probe.throttles import UNDER_VOLTAGE, throttle_counts
from edgetl.machine_state import Usage
from edgetl.validity import Finding

_OTHERS_MAX = 0.1
"""Share of the CPUs that others may take unnoticed: a desktop or a monitoring agent takes less."""
_OTHERS_MAX_CPUS = 0.5
"""Of one that inference needs: threads on all CPUs wait for the slowest, and a tenth of many CPUs is more than one."""
_MAJOR_FAULTS_MAX = 10
"""A library that reads its file late causes a few."""
_SWAPPED_MAX_BYTES = 1 << 20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def usage(root: Path = Path("/"), children: tuple[str, ...] = ()) -> Usage:
    """Read the counters of now.

    Args:
        root: where ``proc`` and ``sys`` are; another tree in tests.
        children: ids of living processes that belong to the run; the CPU time of others counts against it.
    """
    processes = ("self", *children)
    return Usage(
        major_faults=_major_faults(root, processes),
        involuntary_switches=_involuntary_switches(root, processes),
        swapped_bytes=_swapped_bytes(root),
        quota_stops=cgroup.quota_stops(root),
        throttle_counts=throttle_counts(root),
        cpu_time=cpu_time(root, processes),
    )


def busy_share(before: Usage, after: Usage) -> float | None:
    """Fraction of the CPUs that this process may use, or of its quota, which others took in between.

    ``None`` when it is unknown.
    """
    if before.cpu_time is None or after.cpu_time is None:
        return None
    return share_of_others(before.cpu_time, after.cpu_time)


def slows(share: float, cpus: float, threads: int | None) -> bool:
    """Whether inference waits for what others take.

    Args:
        share: that others take, as a fraction of the CPUs.
        cpus: that may be used.
        threads: of all inferences at once; ``None`` when unknown.
    """
    taken = share * cpus
    return share > _OTHERS_MAX or (threads is not None and taken > _OTHERS_MAX_CPUS and threads > cpus - taken)


def usage_findings(before: Usage, after: Usage, threads: int | None = None) -> tuple[Finding, ...]:
    """What happened in between that speaks against the measurement; what is unknown says nothing.

    Args:
        before: counters when it began.
        after: those when it ended.
        threads: of all inferences at once; ``None`` when unknown.
    """
    load = _load(before, after, threads)
    return (*load, *_quota(before, after), *_memory(before, after), *_throttled(before, after))


def _load(before: Usage, after: Usage, threads: int | None) -> Iterator[Finding]:
    if before.cpu_time is None or after.cpu_time is None:
        return
    share = share_of_others(before.cpu_time, after.cpu_time)
    cpus = after.cpu_time.cpus
    if share is None or not slows(share, cpus, threads):
        return
    stolen = stolen_share(before.cpu_time, after.cpu_time)
    what = "CPUs" if after.cpu_time.quota_s is None else "container's CPU quota"
    switches = _delta(before.involuntary_switches, after.involuntary_switches)
    evidence: dict[str, float | str] = {"busy_share": share, "stolen_share": stolen}
    message = f"others took {share * 100:.0f} % of the {what} while measuring"
    if share <= _OTHERS_MAX:
        message += f", which is {share * cpus:.1f} of {cpus:g} that {threads} threads need"
    if stolen >= 0.01:
        message += f" (a hypervisor's other machines {stolen * 100:.0f} %)"
    if switches is not None:
        evidence["involuntary_switches"] = float(switches)
        message += f", and this process had to make room {switches:,} times"
    yield Finding("W-LOAD", f"{message}; stop what else runs (top shows it) and measure again", evidence)


def _quota(before: Usage, after: Usage) -> Iterator[Finding]:
    stops = _delta(before.quota_stops, after.quota_stops)
    if stops:
        yield Finding(
            "W-QUOTA",
            f"the container's CPU quota stopped it {stops:,} times while measuring; give it more CPUs "
            "(docker run --cpus N) or fewer threads (--threads N)",
            {"quota_stops": float(stops)},
        )


def _memory(before: Usage, after: Usage) -> Iterator[Finding]:
    faults = _delta(before.major_faults, after.major_faults) or 0
    swapped = _delta(before.swapped_bytes, after.swapped_bytes) or 0
    if faults > _MAJOR_FAULTS_MAX or swapped > _SWAPPED_MAX_BYTES:
        yield Finding(
            "W-MEMORY",
            f"{faults:,} pages had to be read from disk and {swapped / 1e6:,.0f} MB were swapped while measuring; "
            "free memory (free -h shows it) or use a smaller model or batch",
            {"major_faults": float(faults), "swapped_bytes": float(swapped)},
        )


def _throttled(before: Usage, after: Usage) -> Iterator[Finding]:
    """Counters that one reading lacks are unknown, not 0.

    A weak supply is throttling only where another counter says that the device slowed itself down for it.
    """
    found = {name: _delta(before.throttle_counts.get(name), count) for name, count in after.throttle_counts.items()}
    risen = {name: count for name, count in sorted(found.items()) if count}
    slowed = {name: count for name, count in risen.items() if name not in UNDER_VOLTAGE}
    weak = {name: count for name, count in risen.items() if name in UNDER_VOLTAGE}
    if slowed:
        said = f"the device slowed itself down while measuring ({_events(slowed)})"
        yield Finding("W-THROTTLED", f"{said}; cool it or choose a lower power mode", _evidence(slowed))
    if weak:
        said = f"the supply voltage fell while measuring ({_events(weak)})"
        yield Finding(
            "W-POWER-SOURCE", f"{said}; use the supply and the cable that the board asks for", _evidence(weak)
        )


def _events(risen: Mapping[str, int]) -> str:
    return ", ".join(f"{name} +{count:,}" for name, count in risen.items())


def _evidence(risen: Mapping[str, int]) -> dict[str, float | str]:
    return {name: float(count) for name, count in risen.items()}


def _delta(before: int | None, after: int | None) -> int | None:
    """By how much a counter grew; ``None`` when a reading is missing or the counter began anew."""
    return None if before is None or after is None or after < before else after - before


def _major_faults(root: Path, processes: tuple[str, ...]) -> int | None:
    """Of the processes and of their children that ended (fields 12 and 13 of ``/proc/PID/stat``)."""
    counts = [sum(fields[9:11]) for name in processes if (fields := stat_fields(root, name))]
    return sum(counts) if counts else None


def _involuntary_switches(root: Path, processes: tuple[str, ...]) -> int | None:
    """Of all living threads: a process's own ``status`` tells of its first thread only."""
    statuses = (path for name in processes for path in (root / "proc" / name).glob("task/*/status"))
    counts = [numbers(read(path)).get("nonvoluntary_ctxt_switches") for path in statuses]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _swapped_bytes(root: Path) -> int | None:
    """Of the whole machine, in and out."""
    pages = numbers(read(root / "proc/vmstat"))
    swapped_in, swapped_out = pages.get("pswpin"), pages.get("pswpout")
    return None if swapped_in is None or swapped_out is None else (swapped_in + swapped_out) * _PAGE_BYTES
