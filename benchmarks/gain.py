"""What each treatment gained: the signal of the features against their error, without it and with it."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from edgetl.errors import Unsupported
from edgetl.host.graph import HEAD, expose_features, read_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.quantize import Rendering, RenderSettings
from edgetl.host.quantize.calibrate import CalibrationSettings, calibrate
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.rules.view import LAYERS, PAIRS, View
from edgetl.host.quantize.treatments import need_moments, of_graphs, of_renderings, ordered, treat
from edgetl.host.quantize.treatments.moments import IMAGES, Moments, collect_moments
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
    names = ordered(treatments)
    reference = features(subject.model, subject)
    found = []
    with tempfile.TemporaryDirectory(prefix="edgetl-gains-") as scratch:
        folder = Path(scratch)
        float_graph = _float_graph(subject, (), folder)
        before = _rendered(subject, rendering, float_graph, settings, ())
        for place, name in enumerate(names):
            used = names[: place + 1]
            if of_graphs((name,)):
                float_graph = _float_graph(subject, of_graphs(used), folder)
            elif need_moments((name,)) and float_graph.moments is None:
                moments = collect_moments(float_graph.model, subject.calibration[:IMAGES], subject.threads)
                float_graph = replace(float_graph, moments=moments)
            after = _rendered(subject, rendering, float_graph, settings, of_renderings(used))
            layers = float_graph.changed.get(name, _changed(before.layers, after.layers))
            sides = [signal_to_noise_db(reference, side.features) for side in (before, after)]
            reason = "the error of the features is 0 or not finite" if None in sides else None
            found.append(Gain(name, layers, sides[0], sides[1], len(subject.held_back), reason))
            before = after
    return tuple(found)


def signal_to_noise_db(wanted: Array, got: Array) -> float | None:
    """Ratio of the sums of squares of what was wanted and of the error, in decibels; ``None`` without a finite one."""
    signal, noise = (float(np.sum(np.square(values, dtype=np.float64))) for values in (wanted, wanted - got))
    return 10 * math.log10(signal / noise) if signal > 0 and 0 < noise < math.inf else None


def features(model: Path, subject: Subject) -> Array:
    """What a graph makes of the images that were held back: its features, or its outputs where it has no head."""
    with tempfile.TemporaryDirectory(prefix="edgetl-features-") as folder:
        path = model
        if any(node.name == HEAD for node in read_graph(model).graph.node):
            path = Path(folder) / "features.onnx"
            expose_features(model, path)
        outputs = collect(Engine(path, subject.runtime), subject.held_back, subject.threads)
    return np.concatenate([values.reshape(len(values), -1) for values in outputs.values()], axis=1)


@dataclass(frozen=True)
class _FloatGraph:
    """What renderings are made of."""

    model: Path
    changed: Mapping[str, tuple[str, ...]]
    record: CalibrationRecord
    moments: Moments | None = None


@dataclass(frozen=True)
class _Rendered:
    features: Array
    layers: Mapping[str, str]
    """Hash of the weights and the bias of each."""


def _float_graph(subject: Subject, treatments: tuple[str, ...], folder: Path) -> _FloatGraph:
    model = folder / "float.onnx"
    changed = treat(subject.model, treatments, subject.calibration, model, subject.threads)
    return _FloatGraph(model, changed, calibrate(model, subject.calibration, CalibrationSettings(subject.threads)))


def _rendered(
    subject: Subject, rendering: Rendering, graph: _FloatGraph, settings: RenderSettings, treatments: tuple[str, ...]
) -> _Rendered:
    out = graph.model.with_name("rendered.onnx")
    settings = replace(settings, treatments=treatments, moments=graph.moments)
    rendering.render(graph.model, graph.record, out, settings)
    return _Rendered(features(out, subject), layer_digests(read_graph(out)))


def layer_digests(model: onnx.ModelProto) -> dict[str, str]:
    """Hash of the constants of each layer, through the Q/DQ pairs over them, by the layer's name."""
    view = View.of(model)
    found = {}
    for node in view.nodes(*LAYERS):
        digest = hashlib.sha256()
        for name in node.input[1:]:
            source = name
            while source in view.producers and view.producers[source].op_type in PAIRS:
                source = view.producers[source].input[0]
            if source in view.constants:
                digest.update(view.constants[source].SerializeToString(deterministic=True))
        found[node.name] = digest.hexdigest()
    return found


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name, digest in after.items() if before.get(name) != digest)
