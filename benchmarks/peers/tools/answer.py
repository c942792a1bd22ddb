"""How a tool is asked, and how it answers: ``python TOOL.py MODEL.onnx CALIBRATION.npz OUT_FOLDER OPTIONS.json``.

Every script here runs in an environment of its tool's own, so nothing of EdgeTL is imported. It writes
``OUT_FOLDER/built.json``; where it fails, with its own words.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BUILT = "built.json"


@dataclass(frozen=True)
class Task:
    """What a tool is asked for."""

    model: Path
    calibration: Path
    out: Path
    options: dict[str, Any]

    def feeds(self, split: str = "calibration") -> Iterator[dict[str, np.ndarray]]:
        """One sample at a time, as the network takes it."""
        with np.load(self.calibration, allow_pickle=False) as file:
            inputs = {name.partition("/")[2]: file[name] for name in file.files if name.startswith(f"{split}/")}
        for index in range(len(next(iter(inputs.values())))):
            yield {name: array[index : index + 1] for name, array in inputs.items()}

    def labels(self, split: str) -> np.ndarray:
        """The class of each sample."""
        with np.load(self.calibration, allow_pickle=False) as file:
            return file[f"{split}-labels"]


@dataclass(frozen=True)
class Built:
    """What a tool made."""

    model: Path | None
    """ONNX, OpenVINO IR, or a bundle of EdgeTL's; ``None`` is the float model itself."""
    settings: dict[str, Any]
    precision: str = "int8"
    runtimes: tuple[str, ...] = ("onnxruntime", "openvino")
    notes: tuple[str, ...] = ()


def answer(build: Callable[[Task], Built], packages: tuple[str, ...]) -> int:
    """Run ``build`` on what the command line says, and write down what came of it."""
    model, calibration, out, options = sys.argv[1:]
    task = Task(Path(model), Path(calibration), Path(out), json.loads(Path(options).read_text()))
    task.out.mkdir(parents=True, exist_ok=True)
    try:
        built, failed = build(task), None
    except Exception as error:  # noqa: BLE001 - tools raise anything, and their words are what is recorded
        traceback.print_exc()
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        built, failed = None, f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"[:400]
    told: dict[str, Any] = {
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "failed": failed,
    }
    if built is not None:
        told |= {
            "model": None if built.model is None else built.model.relative_to(task.out).as_posix(),
            "precision": built.precision,
            "runtimes": list(built.runtimes),
            "settings": built.settings,
            "notes": list(built.notes),
        }
    (task.out / BUILT).write_text(json.dumps(told, indent=1) + "\n")
    return 0 if failed is None else 1
