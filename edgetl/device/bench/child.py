"""What a fresh process needs to be this very package, however its parent found it."""

from __future__ import annotations

import os
from pathlib import Path

import edgetl


def child_environment() -> dict[str, str]:
    """Variables for ``python -m edgetl...``, to be started in an empty folder.

    ``python -m`` imports first from where it stands, whatever lies there; so relative search paths are made absolute.
    """
    root = Path(edgetl.__file__).resolve().parent.parent
    given = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *map(os.path.abspath, given)])}
