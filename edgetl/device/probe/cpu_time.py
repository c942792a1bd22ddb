"""Who used the CPUs: this process, others, or a hypervisor's other machines."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.kernel.files import cpu_list, read, whole
from edgetl.device.probe import cgroup
from edgetl.machine_state import CpuTime

_TICKS_PER_S = 100
"""``USER_HZ``, fixed on every architecture that matters here (proc(5))."""
_IDLE, _STOLEN = slice(3, 5), slice(7, 8)
"""Columns of ``/proc/stat``: user nice system idle iowait irq softirq steal; guest time is part of user's."""


def affinity(root: Path) -> tuple[int, ...]:
    """CPUs that the calling thread may use; empty when unknown.

    The kernel's list holds CPUs, too, that are switched off (by a Jetson's power mode) or were never plugged in (of a
    virtual machine).
    """
    online = frozenset(cpu_list(read(root / "sys/devices/system/cpu/online")))
    for name in ("thread-self", "self"):
        for line in (read(root / "proc" / name / "status") or "").splitlines():
            key, _, value = line.partition(":")
            if key == "Cpus_allowed_list":
                return tuple(cpu for cpu in cpu_list(value) if not online or cpu in online)
    return ()


def cpu_time(root: Path, processes: tuple[str, ...] = ("self",)) -> CpuTime | None:
    """Time of the CPUs that this process may use, to a hundredth of a second; ``None`` where ``/proc/stat`` is not.

    Args:
        root: where ``proc`` is.
        processes: folders of ``proc`` that count as its own.
    """
    allowed = set(affinity(root))
    rows = [row for cpu, row in _rows(read(root / "proc/stat") or "") if not allowed or cpu in allowed]
    capacity = sum(sum(row) for row in rows)
    if not capacity:
        return None
    own = sum(field for name in processes for field in stat_fields(root, name)[11:15])
    capacity_s = capacity / _TICKS_PER_S
    quota_s, quota_used_s = _quota_time(root, len(rows), capacity_s)
    return CpuTime(
        capacity_s=capacity_s,
        busy_s=(capacity - sum(sum(row[_IDLE]) for row in rows)) / _TICKS_PER_S,
        stolen_s=sum(sum(row[_STOLEN]) for row in rows) / _TICKS_PER_S,
        own_s=own / _TICKS_PER_S,
        cpus=len(rows) * (1.0 if quota_s is None else quota_s / capacity_s),
        quota_s=quota_s,
        quota_used_s=quota_used_s,
    )


def share_of_others(before: CpuTime, after: CpuTime) -> float | None:
    """Fraction of the CPUs' time that others took between two readings; ``None`` when no time passed, or it is unknown.

    Under a quota it is that of the quota: what others in the container used of it, and what a hypervisor took of the
    CPUs. What the rest of the machine does on its many CPUs is not taken from the container.

    Own time is read at another moment than that of the CPUs, so a small negative difference is none.
    """
    capacity, own = after.capacity_s - before.capacity_s, after.own_s - before.own_s
    if capacity <= 0:
        return None
    if before.quota_s is None or after.quota_s is None:
        return _fraction((after.busy_s - before.busy_s - own) / capacity)
    quota = after.quota_s - before.quota_s
    if before.quota_used_s is None or after.quota_used_s is None or quota <= 0:
        return None
    others = max(0.0, after.quota_used_s - before.quota_used_s - own)
    return _fraction(others / quota + stolen_share(before, after))


def stolen_share(before: CpuTime, after: CpuTime) -> float:
    """Fraction of the CPUs' time in which a hypervisor ran other machines; 0 when no time passed."""
    capacity = after.capacity_s - before.capacity_s
    return _fraction((after.stolen_s - before.stolen_s) / capacity) if capacity > 0 else 0.0


def stat_fields(root: Path, process: str) -> tuple[int, ...]:
    """``/proc/PID/stat`` from the state on, which is 0 here (fields 3 and later of proc(5)); empty when it is gone.

    The name before it is in parentheses and may itself hold blanks and parentheses.
    """
    text = read(root / "proc" / process / "stat") or ""
    return tuple(whole(field) or 0 for field in text.rpartition(")")[2].split())


def _fraction(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def _quota_time(root: Path, cpus: int, capacity_s: float) -> tuple[float | None, float | None]:
    """Seconds of the quota, on the clock of the CPUs, and what was used of them."""
    quota = cgroup.cpu_quota(root)
    if quota is None or quota >= cpus:
        return None, None
    group = cgroup.quota_group(root)
    return quota * capacity_s / cpus, None if group is None else cgroup.cpu_used_s(group)


def _rows(text: str) -> list[tuple[int, tuple[int, ...]]]:
    rows = []
    for line in text.splitlines():
        name, *fields = line.split() or [""]
        cpu = whole(name.removeprefix("cpu")) if name.startswith("cpu") else None
        values = [whole(field) for field in fields[:8]]
        known = tuple(value for value in values if value is not None)
        if cpu is not None and len(known) == len(values) >= 4:
            rows.append((cpu, known))
    return rows
