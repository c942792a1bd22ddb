"""What the container lets this process use (cgroup v1 and v2)."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.probe.tree import read


def cpu_quota(root: Path) -> float | None:
    """CPUs that the container's quota amounts to (cgroup v2 ``cpu.max``, v1 ``cfs_quota_us``); ``None`` without one."""
    limits = [_ratio(*(read(path / "cpu.max") or "").split()) for path in folders(root, "")]
    limits += [
        _ratio(read(path / "cpu.cfs_quota_us") or "", read(path / "cpu.cfs_period_us") or "")
        for path in folders(root, "cpu")
    ]
    return min((limit for limit in limits if limit is not None), default=None)


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


def _ratio(quota: str = "", period: str = "") -> float | None:
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None  # "max" in v2 and "-1" in v1 are no limit
    return int(quota) / int(period)
