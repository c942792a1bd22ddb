"""What calibration saw: one record from which every rendering takes its ranges."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np

from edgetl.errors import InputError, Unsupported
from edgetl.files import write_bytes
from edgetl.host.quantize.estimators import ESTIMATORS
from edgetl.host.quantize.histogram import TensorRange
from edgetl.tensors import Array

SCHEMA = "edgetl.calibration/1"
DAMAGE = (BadZipFile, zlib.error, EOFError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError)
"""What is raised by reading an ``.npz`` file that is not what it should be."""
Estimator = Literal["minmax", "percentile", "mse", "entropy"]


@dataclass(frozen=True)
class CalibrationRecord:
    """Ranges and histograms of the activation tensors of one float graph over one set of images."""

    graph_sha256: str
    """Of the graph without its head (:func:`edgetl.host.graph.backbone_digest`), so that it outlives a refit."""
    images_sha256: str
    """Hash of the sorted hashes of what the graph was fed for each, so that their order does not matter."""
    images: int
    estimator: Estimator
    """Which of :meth:`ranges` a rendering is to use."""
    tensors: Mapping[str, TensorRange] = field(repr=False)

    def ranges(self, estimator: Estimator | None = None) -> dict[str, tuple[float, float]]:
        """Lowest and highest value to represent of every tensor; zero is always between them.

        Args:
            estimator: ``minmax``, ``percentile``, ``mse`` or ``entropy``; the record's own when ``None``.
        """
        name = estimator or self.estimator
        if name not in ESTIMATORS:
            raise Unsupported(f"unknown estimator {name!r}; expected one of: {', '.join(ESTIMATORS)}")
        estimate = ESTIMATORS[name]
        return {tensor: _with_zero(*estimate(seen)) for tensor, seen in self.tensors.items()}

    def save(self, path: Path) -> None:
        """Write the record as ``.npz``, atomically; equal records give equal bytes."""
        write_bytes(path, self._encoded)

    @property
    def sha256(self) -> str:
        """Hash of everything the record holds."""
        return hashlib.sha256(self._encoded).hexdigest()

    @property
    def _encoded(self) -> bytes:
        names = sorted(self.tensors)
        seen = [self.tensors[name] for name in names]
        meta = {
            "schema": SCHEMA,
            "graph_sha256": self.graph_sha256,
            "images_sha256": self.images_sha256,
            "images": self.images,
            "estimator": self.estimator,
            "tensors": [
                [name, tensor.first, len(tensor.counts), len(tensor.means)]
                for name, tensor in zip(names, seen, strict=True)
            ],
        }
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            meta=np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8),
            bounds=np.array([[tensor.low, tensor.high, tensor.width] for tensor in seen], np.float64).reshape(-1, 3),
            counts=np.concatenate([np.zeros(0, np.int64), *(tensor.counts for tensor in seen)]),
            means=np.concatenate([np.zeros(0, np.float32), *(tensor.means for tensor in seen)]),
        )
        return buffer.getvalue()


def read_record(path: Path) -> CalibrationRecord:
    """Read what :meth:`CalibrationRecord.save` wrote.

    Raises:
        InputError: missing, damaged, or of another schema.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            meta = json.loads(archive["meta"].tobytes())
            if meta.get("schema") != SCHEMA:
                raise InputError(
                    f"calibration {str(path)!r} has schema {meta.get('schema')!r}, expected {SCHEMA!r}; calibrate again"
                )
            return _record(meta, {name: archive[name] for name in ("bounds", "counts", "means")})
    except OSError as error:
        raise InputError(f"cannot read calibration {str(path)!r} ({error.strerror}); calibrate again") from error
    except DAMAGE as error:
        raise InputError(f"calibration {str(path)!r} is damaged ({error}); calibrate again") from error


def _record(meta: dict[str, Any], arrays: Mapping[str, Array]) -> CalibrationRecord:
    tensors: dict[str, TensorRange] = {}
    counted = averaged = 0
    for (name, first, bins, channels), (low, high, width) in zip(
        meta["tensors"], arrays["bounds"].tolist(), strict=True
    ):
        counts = arrays["counts"][counted : counted + bins]
        means = arrays["means"][averaged : averaged + channels]
        tensors[name] = TensorRange(low, high, width, first, counts, means)
        counted, averaged = counted + bins, averaged + channels
    if (counted, averaged) != (len(arrays["counts"]), len(arrays["means"])):
        raise ValueError("its tensors and its histograms disagree")
    identity = {name: meta[name] for name in ("graph_sha256", "images_sha256", "images", "estimator")}
    return CalibrationRecord(**identity, tensors=tensors)


def _with_zero(low: float, high: float) -> tuple[float, float]:
    return min(low, 0.0), max(high, 0.0)
