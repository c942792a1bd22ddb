"""The README's commands for a user's own photos, in their order, on photos."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetl.plugins import METHODS, TASKS, find_task

README = Path(__file__).parents[2] / "README.md"
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SMALLER = {"timm/mobilenetv3_small_100": ("timm/test_efficientnet", "--weights", "random", "--size", "48x48")}
"""What stands for a backbone whose weights would have to be downloaded."""


def commands() -> list[list[str]]:
    """Words behind ``edgetl`` of every command that is installed on the path; the demo's own is another."""
    blocks = CONSOLE.findall(README.read_text(encoding="utf-8"))
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("$ edgetl ")]


def runnable(words: list[str]) -> list[str]:
    """The same with a small backbone, and timed briefly."""
    replaced = [part for word in words for part in SMALLER.get(word, (word,))]
    return [*replaced, "--effort", "quick"] if words[0] in ("deploy", "qualify") else replaced


def test_commands_for_own_photos_run_as_written(
    photos: Path, own_model: Path, tmp_path: Path, answer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(photos / "flat", tmp_path / "photos/good")
    shutil.copytree(photos / "striped", tmp_path / "photos/scratched")
    shutil.copy(photos / "striped/000.png", tmp_path / "new-photo.jpg")
    shutil.copy(own_model, tmp_path / "model.onnx")
    monkeypatch.chdir(tmp_path)
    assert {words[0] for words in commands()} == {"deploy", "predict", "qualify", "prepare"}
    for words in commands():
        found = answer(*runnable(words))
        if words[0] == "predict":
            assert {one["label"] for one in found} <= {"good", "scratched"}
        if words[0] == "deploy":
            assert Path("parts.result.json").exists()
            assert Path("parts.report.md").exists()


def test_limits_name_every_method_and_every_task_that_can_be_trained() -> None:
    limits = README.read_text(encoding="utf-8").partition("## What it cannot do yet\n")[2].partition("\n## ")[0]
    trainable = [name for name in TASKS if find_task(name, "host").trainable]
    assert [name for name in (*METHODS, *trainable) if f"`{name}`" not in limits] == []
