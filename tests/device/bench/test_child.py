from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import edgetl
from edgetl.device.bench.child import child_environment


def test_a_child_imports_this_very_package_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    program = "import edgetl; print(edgetl.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=child_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).samefile(edgetl.__file__)


def test_relative_search_paths_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["extra", "", "/elsewhere"]))
    assert child_environment()["PYTHONPATH"].split(os.pathsep)[1:] == [str(tmp_path / "extra"), "/elsewhere"]
