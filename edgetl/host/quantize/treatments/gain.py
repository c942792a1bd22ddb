"""What each treatment gained: the signal of the features against their error, without it and with it."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.graph import HEAD, expose_features, read_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.quantize import Rendering, RenderSettings
from edgetl.host.quantize.calibrate import CalibrationSettings, calibrate
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.rules.view import LAYERS
from edgetl.host.quantize.treatments import of_graphs, of_renderings, ordered, treat
from edgetl.host.quantize.treatments.moments import collect_moments
from edgetl.tensors import Array


@dataclass(frozen=True)
class Gain:
    """What one treatment did to a rendering that had those before it in the table already."""

    treatment: str
    layers: tuple[str, ...]
    """Whose weights or biases changed."""
    before_db: float | None
    """Signal to quantization noise of the features (of the outputs, without a head) before it, in decibels: ten
    times the logarithm of the ratio of sums of squares. ``None`` where there is none: the noise is 0, or not finite."""
    after_db: float | None
    images: int
    """On how many images, none of them calibrated on."""
    reason: str | None = None
    """Why a number is ``None``."""

    @property
    def gained_db(self) -> float | None:
        """Negative where it lost; ``None`` where a number is unknown."""
        return None if self.before_db is None or self.after_db is None else self.after_db - self.before_db


@dataclass(frozen=True)
class Subject:
    """A float graph with images to calibrate on and others to judge by."""

    model: Path
    calibration: tuple[Array, ...]
    """``uint8 (h, w, 3)`` each."""
    held_back: tuple[Array, ...]
    threads: int = 1
    runtime: str = "onnxruntime"


@dataclass(frozen=True)
class _Stage:
    layers: frozenset[str]
    ratio_db: float | None


def gains(
    subject: Subject, rendering: Rendering, treatments: tuple[str, ...], settings: RenderSettings
) -> tuple[Gain, ...]:
    """Add one treatment after the other, in the order of their table, and judge each rendering.

    Args:
        settings: what else the renderings share; its own treatments and moments do not count.

    Raises:
        Unsupported: no such treatment, or no image to judge by.
    """
    if not subject.held_back:
        raise Unsupported("gains are judged on images that were not calibrated on, and there are none; hold some back")
    names, reference = ordered(treatments), _features(subject.model, subject)
    found = []
    with tempfile.TemporaryDirectory(prefix="edgetl-gains-") as folder:
        before, before_db = _variant(subject, rendering, (), settings, Path(folder))
