"""Where training stands, written so that a process killed at any moment can be followed by one that goes on."""

from __future__ import annotations

import pickle
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from edgetl.files import replacing

State = dict[str, Any]
_SCHEMA = "edgetl.training/1"


@dataclass
class Standing:
    """How far training is; tensors are kept apart from it."""

    epoch: int = 0
    """Epochs that are over."""
    step: int = 0
    """Batches of the present epoch that are over."""
    loss_sum: float = 0.0
    """Over these batches."""
    curve: list[dict[str, float]] = field(default_factory=list)
    start_loss: float = float("nan")
    start_accuracy: float = float("nan")
    """Of the model before any training, on the validation split."""
    best_epoch: int = 0
    """0 is the start, before any training."""
    best_loss: float = float("inf")


@dataclass
class Checkpoint:
    """A file that training writes to, and may go on from."""

    path: Path
    every_s: float = 60.0
    _written: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether enough time has passed since the last writing."""
        return time.monotonic() - self._written >= self.every_s

    def save(self, standing: Standing, tensors: State) -> None:
        """Write everything, whole or not at all.

        Raises:
            OSError: the folder cannot be written to, or the disk is full.
        """
        with replacing(self.path) as file:
            torch.save({"schema": _SCHEMA, "standing": vars(standing), "tensors": tensors}, file)
        self._written = time.monotonic()

    def load(self) -> tuple[Standing, State] | None:
        """What was written last; ``None`` when there is nothing, or nothing sound: every checksum is compared."""
        try:
            _check(self.path)
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            if content["schema"] == _SCHEMA:
                return Standing(**content["standing"]), content["tensors"]
        except FileNotFoundError:
            return None
        except (OSError, EOFError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError, zipfile.BadZipFile):
            # damaged on the disk since it was written: training starts again
            self.path.unlink(missing_ok=True)
        return None

    def forget_finished(self) -> None:
        """Drop a training that came to its end, so that it is done again; one that was cut off stays."""
        found = self.load()
        if found is not None and "model" not in found[1]:
            self.path.unlink(missing_ok=True)


def _check(path: Path) -> None:
    """Compare checksums, which torch writes and does not read.

    Raises:
        BadZipFile: a tensor is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(damaged)
