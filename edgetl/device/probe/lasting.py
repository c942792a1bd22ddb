"""What of the machine lasts from run to run."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import numpy as np
import PIL

from edgetl import __version__
from edgetl.device.kernel.files import number, numbers, read
from edgetl.device.probe.cgroup import folders
from edgetl.device.probe.cpu import cpu
from edgetl.device.probe.jetson import l4t_release, power_mode
from edgetl.environment import Environment
from edgetl.plugins import BACKENDS, resolve
from edgetl.runner import Backend


def environment(root: Path = Path("/")) -> Environment:
    """Describe this machine.

    Runtime versions come from package metadata: no runtime is imported, so a package that is installed but broken is
    listed (``edgetl doctor`` runs a model on each).

    Args:
        root: where ``proc`` and ``sys`` are; another tree in tests.
    """
    return Environment(
        system=platform.system(),
        kernel=platform.release(),
        python=platform.python_version(),
        edgetl=__version__,
        cpu=cpu(root),
        memory_bytes=_memory_bytes(root),
        board=_board(root),
        container=_container(root),
        runtimes=_runtimes(),
        load_average=load_average(root),
        libraries={"numpy": np.__version__, "pillow": PIL.__version__},
        platform_release=l4t_release(root),
        power_mode=power_mode(root),
    )


def load_average(root: Path) -> float | None:
    """Tasks that ran or waited to, on average over the last minute."""
    first = (read(root / "proc/loadavg") or "").split(" ")[0]
    return float(first) if re.fullmatch(r"\d+\.\d+", first) else None


def _runtimes() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, dotted in BACKENDS.items():
        backend: Backend = resolve(dotted)
        availability = backend.probe()
        if availability.available:
            found[name] = availability.version or "unknown"
    return found


def _memory_bytes(root: Path) -> int | None:
    total = numbers(read(root / "proc/meminfo")).get("MemTotal")
    limits = [number(folder / "memory.max") for folder in folders(root, "")]
    limits += [number(folder / "memory.limit_in_bytes") for folder in folders(root, "memory")]
    return None if total is None else min([limit for limit in limits if limit is not None] + [total * 1024])


def _board(root: Path) -> str | None:
    for name in ("proc/device-tree/model", "sys/devices/virtual/dmi/id/product_name"):
        if found := read(root / name):
            return found
    return None


def _container(root: Path) -> str | None:
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / "run/.containerenv").exists():
        return "podman"
    match = re.search(r"(docker|kubepods|lxc|containerd)", read(root / "proc/1/cgroup") or "")
    return match[1] if match else None
