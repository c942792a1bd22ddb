"""What a stage knows of the ONNX file it wrote, kept beside it, so that stages alone give what ``prepare`` gives."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgetl.artifact import sha256_of
from edgetl.bundle import CalibrationSummary
from edgetl.check import Check
from edgetl.errors import InputError
from edgetl.files import write_bytes
from edgetl.host.adapt import FittedHead
from edgetl.host.adapt.arrays import arrays_of, fitted_from
from edgetl.host.quantize.record import DAMAGE
from edgetl.ladder import Ladder

ENDING = ".notes.npz"
_HONEST = "honest"


@dataclass(frozen=True)
class StageNotes:
    """Beside ``MODEL.onnx`` as ``MODEL.onnx.notes.npz``."""

    made_from: str
    """Hash of the recipe and the division of its data."""
    runtime: str
    """What the host predicts with."""
    checks: tuple[Check, ...]
    out_of_fold: NDArray[np.float32] | None
    """Honest logits of the training samples, ``(n, classes)``."""
    fitted: FittedHead | None
    """Its head with the heads of cross-validation; ``None`` where it was trained with its trunk."""
    is_refitted: bool = False
    """Whether that was fitted again, on the features of its own trunk."""
    calibration: CalibrationSummary | None = None
    """What ranges were taken from; ``None`` beside a float model."""
    ladder: Ladder | None = None
    """What was tried to quantize it; ``None`` beside a float model."""


class _Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: Literal["edgetl.stage-notes/1"]
    model_sha256: str
    made_from: str
    runtime: str
    checks: tuple[Check, ...]
    is_refitted: bool
    calibration: CalibrationSummary | None = None
    ladder: Ladder | None = None


def write_notes(model: Path, notes: StageNotes) -> None:
    """Write the notes of a model file that is there already."""
    meta = _Meta(
        "edgetl.stage-notes/1",
        sha256_of(model),
        notes.made_from,
        notes.runtime,
        notes.checks,
        notes.is_refitted,
        notes.calibration,
        notes.ladder,
    )
    arrays = {} if notes.out_of_fold is None else {_HONEST: notes.out_of_fold}
    if notes.fitted is not None:
        arrays |= arrays_of(notes.fitted.head, notes.fitted)
    buffer = io.BytesIO()
    np.savez(buffer, meta=np.frombuffer(msgspec.json.encode(meta), np.uint8), **arrays)  # type: ignore[arg-type]
    write_bytes(_beside(model), buffer.getvalue())


def read_notes(model: Path, made_from: str) -> StageNotes | None:
    """The notes of a model file; ``None`` when there are none, or they are of another file, recipe or data.

    Raises:
        InputError: the notes are damaged, or of another schema.
    """
    path = _beside(model)
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            meta = msgspec.json.decode(archive["meta"].tobytes(), type=_Meta)
            arrays = {name: archive[name] for name in archive.files}
            fitted, honest = fitted_from(arrays), arrays.get(_HONEST)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r} ({error.strerror}); run the stage again, or remove it") from error
    except DAMAGE as error:
        raise InputError(f"{str(path)!r} is damaged ({error}); run the stage again, or remove it") from error
    if (meta.model_sha256, meta.made_from) != (sha256_of(model), made_from):
        return None
    told = (meta.runtime, meta.checks, honest, fitted, meta.is_refitted, meta.calibration, meta.ladder)
    return StageNotes(meta.made_from, *told)


def _beside(model: Path) -> Path:
    return model.with_name(model.name + ENDING)
