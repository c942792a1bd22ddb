"""One result file: what was measured, with which command, on which machine."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

import edgetl
from edgetl.device.probe import environment

SCHEMA = "edgetl.benchmark/1"


def write(out: Path | None, name: str, limit: str, measured: dict[str, Any], passed: bool) -> int:
    """Print the record and write it to ``out``; returns the exit code (3 when the limit was missed)."""
    record = {
        "schema": SCHEMA,
        "name": name,
        "command": command(sys.argv),
        "edgetl_version": edgetl.__version__,
        "commit": commit(),
        "limit": limit,
        "passed": passed,
        "measured": measured,
        "environment": msgspec.to_builtins(environment()),
    }
    text = json.dumps(record, indent=1)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
    shown = {key: value for key, value in measured.items() if not key.startswith("raw")}
    print(json.dumps({"name": name, "limit": limit, "passed": passed, **shown}, indent=1))
    return 0 if passed else 3


def command(words: Sequence[str]) -> str:
    """What anyone can run in the root of a clone: no path of this machine, and no cache, which changes no number."""
    kept = list(words)
    if "--cache" in kept:
        place = kept.index("--cache")
        del kept[place : place + 2]
    root = next((path for path in Path(kept[0]).resolve().parents if (path / "benchmarks").is_dir()), Path.cwd())
    return shlex.join(["python", *(relative(word, root) for word in kept)])


def relative(word: str, root: Path) -> str:
    path = Path(word)
    return path.relative_to(root).as_posix() if path.is_absolute() and path.is_relative_to(root) else word


def commit() -> str | None:
    """Of the code that was measured, with ``-dirty`` where it was changed since; ``None`` outside of a clone."""
    words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
