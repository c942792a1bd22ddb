"""What the container lets this process use (cgroup v1 and v2)."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.kernel.files import number, numbers, read, whole


def cpu_quota(root: Path) -> float | None:
    """CPUs that the container's quota amounts to (cgroup v2 ``cpu.max``, v1 ``cfs_quota_us``); ``None`` without one."""
    limits = [quota for _, quota in _quotas(root)]
    limits += [
        _ratio(read(path / "cpu.cfs_quota_us"), read(path / "cpu.cfs_period_us")) for path in folders(root, "cpu")
    ]
    return min((limit for limit in limits if limit is not None), default=None)


def quota_group(root: Path) -> Path | None:
    """The group whose quota is the tightest (cgroup v2); ``None`` without one."""
    return min(((quota, path) for path, quota in _quotas(root) if quota is not None), default=(0.0, None))[1]


def cpu_used_s(group: Path) -> float | None:
    """CPU time of all processes of a group since it was made (cgroup v2)."""
    used_us = numbers(read(group / "cpu.stat")).get("usage_usec")
    return None if used_us is None else used_us / 1e6


def within_quota(cpus: int, quota: float | None) -> int:
    """How many threads may infer on so many CPUs: a quota of 1.5 would stop the second of two, and one must run."""
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def folders(root: Path, controller: str) -> tuple[Path, ...]:
    """The group of this process and all above it: the tightest limit of them holds."""
    mount = root / "sys/fs/cgroup" / controller
    found = [mount]
    for line in (read(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controller in controllers.split(","):
            folder = mount / path.strip("/")
            while folder != mount and mount in folder.parents:
                found.append(folder)
                folder = folder.parent
    return tuple(found)


def quota_stops(root: Path) -> int | None:
    """How often CPU quotas of the group of this process and of those above it stopped it; ``None`` when not counted."""
    groups = {*folders(root, ""), *folders(root, "cpu")}
    counts = [numbers(read(group / "cpu.stat")).get("nr_throttled") for group in groups]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def free_bytes(root: Path) -> list[int]:
    """What every memory limit that holds leaves; file pages that were not used lately count as free."""
    found = []
    for controller, limit_name, used_name, cache_name in (
        ("", "memory.max", "memory.current", "inactive_file"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        for folder in folders(root, controller):
            limit, used = number(folder / limit_name), number(folder / used_name)
            if limit is not None and used is not None:
                cache = numbers(read(folder / "memory.stat")).get(cache_name, 0)
                found.append(max(0, limit - max(0, used - cache)))
    return found


def _quotas(root: Path) -> list[tuple[Path, float | None]]:
    """Of cgroup v2."""
    return [(path, _ratio(*[*(read(path / "cpu.max") or "").split(), "", ""][:2])) for path in folders(root, "")]


def _ratio(quota: str | None, period: str | None) -> float | None:
    per, period_us = whole(quota), whole(period)  # "max" in v2 and "-1" in v1 are no limit
    return per / period_us if per is not None and period_us else None
