"""A climb that is killed again and again ends in the graph of one that was left in peace."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hard_network import Hardness
from hard_task import HardTask, hard_task

from edgetl.bundle import Bundle

ROOT = Path(__file__).parents[3]
CHILD = """
import sys
from pathlib import Path
from hard_task import HardTask
from edgetl.host.prepare_onnx import prepare_onnx
from edgetl.progress import Silent

model, data, out = map(Path, sys.argv[1:])
prepare_onnx(HardTask(model, data).request(out, {"renderings": ("tensorrt",)}), Silent())
"""
LONGEST_S = 900.0


def start(task: HardTask, out: Path) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join(str(path) for path in (ROOT, ROOT / "benchmarks"))
    command = [sys.executable, "-c", CHILD, str(task.model), str(task.data), str(out)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})


def kept(folder: Path) -> dict[str, int]:
    """What a climb has kept, each with the number of its file, which another file has once it is written again."""
    return {path.name: path.stat().st_ino for path in (folder / "cache" / "ladder").glob("[!.]*.json")}


def graph_of(out: Path) -> str:
    return Bundle.open(out).manifest.variant("int8-tensorrt").artifact.sha256


@pytest.mark.slow
def test_a_climb_that_is_killed_after_every_attempt_ends_in_the_same_graph(tmp_path: Path) -> None:
    task, generator = hard_task(tmp_path, Hardness(blocks=2), count=800), random.Random(0)
    peace, killed = tmp_path / "peace", tmp_path / "killed"
    peace.mkdir()
    assert start(task, peace / "hard.edgetl").wait(LONGEST_S) == 0
    # runtimes round differently, and which one is the fastest is measured
    shutil.copytree(peace / "cache" / "fastest", killed / "cache" / "fastest")

    before, kills, end = kept(killed), 0, time.monotonic() + LONGEST_S
    process = start(task, killed / "hard.edgetl")
    while process.poll() is None:
        assert time.monotonic() < end
        if len(kept(killed)) > len(before):
            time.sleep(generator.uniform(0.0, 0.2))
            process.kill()
            process.wait()
            kills += 1
            after = kept(killed)
            assert after.items() >= before.items(), "what was kept was made again"
            before = after
            process = start(task, killed / "hard.edgetl")
        time.sleep(0.005)

    assert process.returncode == 0
    assert kills >= 3
    assert kept(killed).keys() == kept(peace).keys()
    assert graph_of(killed / "hard.edgetl") == graph_of(peace / "hard.edgetl")
