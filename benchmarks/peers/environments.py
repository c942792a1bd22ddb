"""A virtual environment of its own for every tool."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.files import write_bytes
from edgetl.host.cache import digest


@dataclass(frozen=True)
class ToolEnvironment:
    """A Python with a tool's packages."""

    python: Path
    versions: dict[str, str]
    """Every installed package."""

    @property
    def sha256(self) -> str:
        """Of the versions."""
        return digest([sys.version, self.versions])


def environment_of(name: str, packages: Sequence[str], folder: Path) -> ToolEnvironment:
    """Make an environment with pip, or take the one that was made of the same packages before.

    Raises:
        RuntimeError: pip failed; with its last lines.
    """
    place = folder / f"{name}-{digest([*packages, sys.version])[:8]}"
    python, stamp = place / "bin/python", place / "versions.json"
    if not stamp.is_file():
        venv.create(place, with_pip=True, clear=True)
        output_of([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
        listed = output_of([str(python), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"])
        found = {entry["name"]: entry["version"] for entry in json.loads(listed)}
        write_bytes(stamp, json.dumps(dict(sorted(found.items())), indent=1).encode())
    return ToolEnvironment(python, json.loads(stamp.read_text()))


def output_of(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        tail = " ".join(line for line in done.stderr.splitlines()[-3:])
        raise RuntimeError(f"{' '.join(command[-3:])} failed: {tail}")
    return done.stdout
