"""Small files of ``/proc`` and ``/sys``: whatever is missing, refused or strange is ``None``, never 0."""

from __future__ import annotations

import re
from pathlib import Path

_CPUS_MAX = 1 << 16


def read(path: Path) -> str | None:
    """Text of a small file without surrounding blanks and zero bytes; ``None`` when it is missing, refused or empty."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n") or None
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
    """The number that is all of a file."""
    return whole(read(path))


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


def by_number(folder: Path, pattern: str) -> tuple[Path, ...]:
    """What matches in a folder, ``cpu2`` before ``cpu10``."""
    return tuple(sorted(folder.glob(pattern), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)]))
