"""Clocks of GPU and memory: which folders of ``devfreq`` are theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from edgetl.device.kernel.files import by_number, read

Kind = Literal["gpu", "memory"]

GPU_WORDS = ("gpu", "gv11b", "gp10b", "ga10b", "gb10b", "v3d")
"""What names of GPUs begin with; a chip names NVIDIA's."""
_WORDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("gpu", GPU_WORDS),
    ("memory", ("emc", "external-memory-controller", "dmc")),
)
_PLACES = ("sys/class/devfreq/*", "sys/devices/gpu.0/devfreq/*")


def devfreq_folders(root: Path) -> tuple[tuple[Kind, Path], ...]:
    """Folders with ``cur_freq``, ``min_freq`` and ``max_freq`` in Hz, each device once, and what it is.

    A folder is named after an address, so the device tree's name counts, too.
    """
    folders: dict[str, Path] = {}
    for place in _PLACES:
        for folder in by_number(root.glob(place)):
            folders.setdefault(folder.name, folder)
    return tuple((kind, folder) for folder in folders.values() if (kind := _kind(folder)))


def _kind(folder: Path) -> Kind | None:
    names = (folder.name.rpartition(".")[2], read(folder / "device/of_node/name") or "")
    return next((kind for kind, words in _WORDS if any(name.startswith(words) for name in names)), None)
