"""A training that is killed again and again ends in the bytes of one that was left in peace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.tune import tune
from edgetl.host.training.checkpoint import Checkpoint

ROOT = Path(__file__).parents[4]
STEPS = 40
SURVIVED = 5
"""Steps that a process makes before its end."""
DELAYS_S = (0.06, 0.02, 0.0)
"""From there to the kill: in the midst of a step or of writing and, at last, between the two. They become shorter, so
that who began anew would not come as far as the one before."""
CHILD = f"""
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from types import SimpleNamespace

import numpy as np

from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.tune import tune
from edgetl.host.training.checkpoint import Checkpoint
from edgetl.progress import Silent

original, quantized, folder = map(Path, sys.argv[1:4])
delay_s = float(sys.argv[4]) if len(sys.argv) > 4 else None


class Fuse(Silent):
    calls = 0

    @contextmanager
    def stage(self, title, total=None):
        yield SimpleNamespace(advance=lambda count=1: self.burn() if title == "tune" else None)

    def burn(self):
        self.calls += 1
        if self.calls == {SURVIVED} and delay_s is not None:
            kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
            Timer(delay_s, kill).start() if delay_s else kill()


checkpoint = Checkpoint(folder / "kept.pt", every_s=0.0)
settings = TuneSettings(600.0, steps={STEPS}, progress=Fuse(), checkpoint=checkpoint)
tune(original, quantized, np.load(folder / "images.npy"), folder / "killed.onnx", settings)
"""


def train(subject: Any, folder: Path, *delay_s: float) -> int:
    """The exit code of a process that trains, and is killed after a delay where there is one."""
    command = [sys.executable, "-c", CHILD, str(subject.original), str(subject.quantized), str(folder)]
    return subprocess.run(
        [*command, *map(str, delay_s)], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, timeout=300
    ).returncode


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on_to_the_same_bytes(rendered, pupils, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    subject, checkpoint = rendered("x86-vnni"), Checkpoint(tmp_path / "kept.pt")
    np.save(tmp_path / "images.npy", np.stack(pupils))
    tune(subject.original, subject.quantized, pupils, tmp_path / "peace.onnx", TuneSettings(600.0, steps=STEPS))

    steps = [0]
    for delay_s in DELAYS_S:
        assert train(subject, tmp_path, delay_s) == -signal.SIGKILL
        kept = checkpoint.load()
        assert kept is not None
        steps.append(kept[0].step)
    assert train(subject, tmp_path) == 0

    assert steps == sorted(set(steps)), "what was trained was trained again"
    assert (tmp_path / "killed.onnx").read_bytes() == (tmp_path / "peace.onnx").read_bytes()
