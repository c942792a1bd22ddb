"""Small files of ``/proc`` and ``/sys``: whatever is missing, refused or strange is ``None``, never 0."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_CPUS_MAX = 1 << 16


def read(path: Path) -> str | None:
    """Text of a small file without white space and NUL bytes around it; ``None`` when missing, refused or empty."""
    try:
        return path.read_bytes().decode(errors="replace").strip("\0 \t\r\n") or None
    except OSError:
        return None


def whole(text: str | None, base: int = 10) -> int | None:
    """A number that is zero or more, in ASCII digits without sign.

    One of more than 15 digits is ``None``: in cgroup v1 it says that there is no limit, and JSON could not hold it in
    a smaller unit.
    """
    digits = "0-9" if base == 10 else "0-9A-Fa-f"
    return int(text, base) if text and re.fullmatch(f"[{digits}]{{1,15}}", text) else None


def number(path: Path) -> int | None:
    """The count that is all of a file: zero or more."""
    return whole(read(path))


def quantity(path: Path, per_unit: int = 1) -> float | None:
    """The reading that is all of a file, below zero too, divided by ``per_unit`` (1000 for a file in milliwatts)."""
    text = read(path) or ""
    magnitude = whole(text.removeprefix("-"))
    return None if magnitude is None else (-magnitude if text.startswith("-") else magnitude) / per_unit


def numbers(text: str | None) -> dict[str, int]:
    """Lines such as ``nr_throttled 3`` or ``MemTotal:  16 kB``; others are left out. Units are the file's own."""
    found: dict[str, int] = {}
    for line in (text or "").splitlines():
        name, *rest = line.split()[:2] or [""]
        value = whole(rest[0]) if rest else None
        if value is not None:
            found.setdefault(name.rstrip(":"), value)
    return found


def cpu_list(text: str | None) -> tuple[int, ...]:
    """CPUs of a list such as ``0-3,8``, in order; empty when there is none or it is no such list."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, dash, last = part.strip().partition("-")
        low, high = whole(first), whole(last if dash else first)
        if low is None or high is None or not low <= high < _CPUS_MAX:
            return ()
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def by_number(paths: Iterable[Path]) -> tuple[Path, ...]:
    """In the order that people expect: ``cpu2`` before ``cpu10``."""
    return tuple(
        sorted(paths, key=lambda path: ([int(digits) for digits in re.findall("[0-9]+", path.name)], str(path)))
    )
