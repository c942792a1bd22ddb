"""What a Jetson's system says of itself: L4T release, JetPack, power mode. Nothing is ever set."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from edgetl.device.kernel.files import read

Run = Callable[[tuple[str, ...]], str | None]
"""Runs a command; its output, or ``None`` when it cannot be run."""

_JETPACKS = {"32": "4.x", "34": "5.x", "35": "5.x", "36": "6.x", "38": "7.0/7.1", "39": "7.2"}
_QUERY = ("nvpmodel", "-q")
_TIMEOUT_S = 2.0


def l4t_release(root: Path) -> str | None:
    """L4T release, such as ``R36.4.3``, from ``/etc/nv_tegra_release``."""
    return parse_release(read(root / "etc/nv_tegra_release") or "")


def parse_release(text: str) -> str | None:
    """The release of a line such as ``# R38 (release), REVISION: 4.0, GCID: ...``; ``None`` without one."""
    match = re.search(r"^#\s*R(\d{1,4})\b[^,\n]*,\s*REVISION:\s*(\d{1,4}(?:\.\d{1,4})*)", text, re.ASCII | re.MULTILINE)
    return f"R{match[1]}.{match[2]}" if match else None


def jetpack(release: str | None) -> str | None:
    """JetPack of an L4T release, as exactly as the release tells it; ``None`` when it is not known."""
    return _JETPACKS.get((release or "").removeprefix("R").partition(".")[0])


def power_mode(root: Path, run: Run | None = None) -> str | None:
    """``nvpmodel``'s mode with its number, such as ``15W (2)``.

    Its status file tells; where it does not, ``run`` may ask ``nvpmodel -q``, which changes nothing.
    """
    match = re.search(r"\bpmode:(\d{1,4})\b", read(root / "var/lib/nvpmodel/status") or "", re.ASCII)
    if match is None:
        return None if run is None else parse_query(run(_QUERY) or "")
    mode = int(match[1])
    return _named(_mode_names(read(root / "etc/nvpmodel.conf") or "").get(mode), mode)


def parse_query(text: str) -> str | None:
    """The mode in the output of ``nvpmodel -q``: ``NV Power Mode: NAME``, its number on the next line."""
    match = re.search(r"^\s*NV Power Mode:[ \t]*(\S+)[ \t]*\r?\n\s*(\d{1,4})[ \t]*\r?$", text, re.ASCII | re.MULTILINE)
    return _named(match[1], int(match[2])) if match else None


def output_of(command: tuple[str, ...]) -> str | None:
    """What a command prints; ``None`` when there is no such command, or it fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _mode_names(text: str) -> dict[int, str]:
    """Lines such as ``< POWER_MODEL ID=0 NAME=MAXN >``."""
    found = re.findall(r"^\s*<\s*POWER_MODEL\s+ID=(\d{1,4})\s+NAME=(\S+)\s*>", text, re.ASCII | re.MULTILINE)
    return {int(number): name for number, name in found}


def _named(name: str | None, mode: int) -> str:
    return f"{name or 'mode'} ({mode})"
