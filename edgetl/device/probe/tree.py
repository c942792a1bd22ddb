"""Small files of ``/proc`` and ``/sys``."""

from __future__ import annotations

from pathlib import Path


def read(path: Path) -> str | None:
    """Text of a small file without surrounding blanks and zero bytes; ``None`` when it is missing, refused or empty."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n") or None
    except OSError:
        return None
