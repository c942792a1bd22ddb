"""The demo's script around ``edgetl``: what it shows, and its exit code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAND_IN = """#!/bin/sh
printf '%s\\n' "$*" >> build/calls
case "$1 $*" in
  deploy*--json*) echo bundle > build/solar-cells.edgetl
    echo '{{"prepared": {{"held_out": [{{"path": "a photo.png", "label": "defective"}}]}}}}'; exit {code} ;;
  deploy*) echo "the table"; exit {code} ;;
  predict*) echo "predicted: $4" ;;
esac
"""


@pytest.mark.parametrize("code", [0, 3])
def test_demo_ends_on_the_table_with_the_exit_code_of_deploy(code: int, tmp_path: Path) -> None:
    (tmp_path / "models/solar-cells").mkdir(parents=True)
    script = shutil.copy(ROOT / "models/solar-cells/demo.sh", tmp_path / "models/solar-cells/demo.sh")
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin/edgetl"
    stand_in.write_text(STAND_IN.format(code=code))
    stand_in.chmod(0o755)
    (tmp_path / "bin/python").symlink_to(sys.executable)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(["sh", script], capture_output=True, text=True, check=False, env=os.environ | {"PATH": path})
    assert done.returncode == code, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "the table"
    assert any(line.startswith("deploy took ") and line.endswith(" s") for line in lines)
    assert ("predicted: a photo.png" in lines) == (code == 0)
    first, *_, last = (tmp_path / "build/calls").read_text().splitlines()
    assert "x86-vnni" in first
    assert first.removesuffix(" --json") == last.removesuffix(" --quiet"), "the second one would prepare anew"
