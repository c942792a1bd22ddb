"""Small files of ``/sys`` and ``/proc``: one value each, which may be absent, empty or refuse to be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def read_text(path: Path) -> str | None:
    """Content without white space and NUL bytes around it; ``None`` where there is none to be read."""
    try:
        return path.read_bytes().decode(errors="replace").strip("\0 \t\r\n")
    except OSError:
        return None


def read_number(path: Path, per_unit: int = 1, base: int = 10) -> float | None:
    """A whole number, divided by ``per_unit`` (1000 for a file in milliwatts); ``None`` where there is none."""
    try:
        return int(read_text(path) or "", base) / per_unit
    except (ValueError, OverflowError):
        return None


def by_number(paths: Iterable[Path]) -> list[Path]:
    """In the order that people expect: ``cpu2`` before ``cpu10``."""
    return sorted(paths, key=lambda path: ([int(number) for number in re.findall(r"[0-9]+", path.name)], str(path)))


def i2c_hwmon(root: Path, chip: str) -> list[Path]:
    """``hwmon`` folders of every device of that kind; bus numbers and addresses differ from board to board."""
    devices = by_number(root.glob("sys/bus/i2c/devices/*"))
    named = [device for device in devices if chip in (read_text(device / "name") or "").lower()]
    return [folder for device in named for folder in by_number(device.glob("hwmon/hwmon*"))]
