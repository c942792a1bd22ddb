"""A model file and what is known of it without opening it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from edgetl.target import Precision
from edgetl.tensors import TensorSpec


class Artifact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One model file, described when it was made."""

    file: str
    """Path inside its bundle or folder, with ``/``."""
    format: Literal["onnx"]
    rendering: str
    """How the graph is quantized: ``float``, ``x86-vnni``, …"""
    precision: Precision
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    operations: int | None
    """Multiply-adds x 2 of the convolutions and matrix products for one sample, a golden one where lengths are free.

    ``None`` where they depend on a free size that no sample tells, or where not all can be counted.
    """
    weight_bytes: int
    size_bytes: int
    sha256: str
    proven_isa: tuple[str, ...] = ()
    """CPU flags of x86, any of which is enough for the integer sums to be exact, by the weights.

    Empty where nobody asked: for float graphs, and in bundles older than the proof.
    """
    remarks: tuple[str, ...] = ()
    """What some version of a runtime that the rendering is for refuses of it, or computes slowly.

    Sentences without a full stop; none for float graphs, and in bundles older than these.
    """


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
