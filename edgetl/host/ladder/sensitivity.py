"""Which layers lose most by int8: found by groups, so that few graphs are made."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgetl.errors import Unsupported
from edgetl.host.graph import HEAD, expose_features, head_nodes, read_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.ladder.ascent import Ascent, Purse
from edgetl.host.ladder.attempts import made, remembered
from edgetl.host.ladder.rungs import Rung
from edgetl.host.quantize import Rendering
from edgetl.host.quantize.coverage import coverage
from edgetl.host.quantize.rules.view import View
from edgetl.host.quantize.treatments import need_moments
from edgetl.host.variants import spelled
from edgetl.plugins import RENDERINGS, find
from edgetl.tensors import Array, Feed

IMAGES = 32
"""Calibration samples that are compared."""
GROUPS = 8
"""Into how many the layers are divided at first."""
RENDERS = 24
"""Graphs that are made at most to rank layers."""
_FLOOR = 0.25

Layer = tuple[str, ...]
"""A layer and what follows it up to the next one and is quantized with it (sums, pooling), by the names of nodes."""


@dataclass(frozen=True)
class Group:
    """Neighbouring layers, and the noise of the features with all of them and nothing else in int8."""

    layers: tuple[Layer, ...]
    noise: float

    @property
    def share(self) -> float:
        """Noise of each, as far as anyone knows."""
        return self.noise / len(self.layers)


def ranked_layers(ascent: Ascent, rung: Rung, purse: Purse) -> tuple[Layer, ...] | None:
    """The layers that a rung quantizes, those first with which alone in int8 the features are farthest from float.

    Within a group that was not halved further, all count alike.

    Returns:
        ``None`` when the purse is empty before the end.
    """
    groups = noisy_groups(ascent, rung, purse)
    if groups is None:
        return None
    each = [(group.share, layer) for group in groups for layer in group.layers]
    return tuple(layer for _, layer in sorted(each, key=lambda pair: -pair[0]))


def noisy_groups(ascent: Ascent, rung: Rung, purse: Purse) -> tuple[Group, ...] | None:
    """How much noise every layer that a rung quantizes brings to the features, in the order of the graph.

    Layers are measured in groups of neighbours, and of all groups the noisiest is halved until :data:`RENDERS` graphs
    were made. What each graph showed is kept.

    Returns:
        ``None`` when the purse is empty before the end.
    """
    layers = layers_of(ascent, rung)
    probe = _Probe(ascent, rung, layers)
    size = max(1, -(-len(layers) // GROUPS))
    groups = {range(at, min(at + size, len(layers))): 0.0 for at in range(0, len(layers), size)}
    waiting, measured = list(groups), 0
    while waiting:
        group = waiting.pop(0)
        if purse.is_empty:
            return None
        groups[group] = probe.noise(group, purse)
        measured += 1
        if not waiting and measured + 2 <= RENDERS and (noisiest := _noisiest(groups)) is not None:
            del groups[noisiest]
            middle = (noisiest.start + noisiest.stop) // 2
            waiting = [range(noisiest.start, middle), range(middle, noisiest.stop)]
    found = sorted(groups.items(), key=lambda item: item[0].start)
    return tuple(Group(layers[places.start : places.stop], noise) for places, noise in found)


def noise_of(ascent: Ascent, rung: Rung, purse: Purse) -> float:
    """How much noise the graph of a rung brings to the features, on calibration samples; what it showed is kept.

    Raises:
        BackendError: ONNX Runtime does not run it.
    """
    return _Probe(ascent, rung, ()).noise(range(0), purse)


def layers_of(ascent: Ascent, rung: Rung) -> tuple[Layer, ...]:
    """The layers that a rung quantizes, in the order of the float graph."""
    with made(ascent, rung) as variant:
        return grouped(read_graph(ascent.basis(rung.on_graph).made.model), read_graph(variant.model))


def grouped(original: onnx.ModelProto, quantized: onnx.ModelProto) -> tuple[Layer, ...]:
    """The layers that a graph has on integers, each with what is quantized behind it, in the order of the float graph.

    What a sum adds to a product is part of that product's layer, wherever the sum stands.
    """
    before, after = View.of(original), View.of(quantized)
    integers = {
        node.name for node in quantized.graph.node if any(after.origin(name) is not None for name in node.input)
    }
    weighted = set(coverage(quantized).quantized)
    layers: list[list[str]] = []
    owners: dict[str, list[str]] = {}
    for node in original.graph.node:
        if node.name in weighted or (node.name in integers and not layers):
            layers.append([node.name])
            total = before.only_reader(node.output[0]) if before.added_behind(node) is not None else None
            owners.update({} if total is None else {total.name: layers[-1]})
        elif node.name in integers - {HEAD} and node.op_type in ("Add", "MaxPool"):
            owners.get(node.name, layers[-1]).append(node.name)
    return tuple(map(tuple, layers))


def noise(outputs: Array, reference: Array) -> float:
    """Mean squared difference by the variance over samples, averaged over what a graph puts out; shapes ``(n, ...)``.

    Every variance counts for at least a quarter of their mean, as a head counts deviations for at least half of theirs.
    Infinite where an output is not finite.
    """
    values, others = (array.reshape(len(array), -1).astype(np.float64) for array in (reference, outputs))
    variances: NDArray[np.float64] = values.var(axis=0)
    floor = max(_FLOOR * float(variances.mean()), float(np.finfo(np.float32).tiny))
    found = float((np.square(values - others).mean(axis=0) / np.maximum(variances, floor)).mean())
    return found if np.isfinite(found) else float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class _Probe:
    """Measures groups of layers."""

    ascent: Ascent
    rung: Rung
    layers: tuple[Layer, ...]

    @cached_property
    def feeds(self) -> tuple[Feed, ...]:
        return tuple(self.ascent.workspace.feeds(self.ascent.calibrated.samples[:IMAGES]))

    @cached_property
    def reference(self) -> dict[str, Array]:
        return self._outputs(self.ascent.made.model, self.ascent.made.runtime, "fp32")

    def noise(self, group: range, purse: Purse) -> float:
        """Of a graph that quantizes nothing but a group."""
        chosen = {name for place in group for name in self.layers[place]}
        others = frozenset(name for layer in self.layers for name in layer) - chosen
        images = [sample.sha256 for sample in self.ascent.calibrated.samples[:IMAGES]]
        settings = replace(self.rung.settings, keep_float=self.rung.settings.keep_float | others)
        parts = ["noise", self.ascent.identity, self.rung.on_graph, spelled(settings), images]
        return remembered(self.ascent, parts, purse, float, lambda: self._measured(others))

    def _measured(self, others: frozenset[str]) -> float:
        ascent, basis = self.ascent, self.ascent.basis(self.rung.on_graph)
        rendering: Rendering = find(RENDERINGS, ascent.rendering, "rendering")
        model, settings = basis.made.model, self.rung.settings
        keep = settings.keep_float | others | head_nodes(read_graph(model))
        moments = basis.moments if need_moments(settings.treatments) else None
        settings = replace(settings, keep_float=keep, moments=moments)
        with tempfile.TemporaryDirectory(prefix="edgetl-noise-") as folder:
            path = Path(folder) / "group.onnx"
            try:
                rendering.render(model, basis.calibrated.record, path, settings)
            except Unsupported:
                # nothing of this group is quantized, so nothing is lost by it
                return 0.0
            found = self._outputs(path, "onnxruntime", rendering.precision)
        return max(noise(array, self.reference[name]) for name, array in found.items())

    def _outputs(self, model: Path, runtime: str, precision: str) -> dict[str, Array]:
        with tempfile.TemporaryDirectory(prefix="edgetl-noise-") as folder:
            exposed = model
            if HEAD in head_nodes(read_graph(model)):
                exposed = Path(folder) / "features.onnx"
                expose_features(model, exposed)
            return collect(Engine(exposed, runtime, precision), self.feeds, self.ascent.workspace.threads)


def _noisiest(groups: dict[range, float]) -> range | None:
    """The noisiest group that can be halved, if it has any noise."""
    wide = [group for group in groups if len(group) > 1 and groups[group] > 0]
    return max(wide, key=lambda group: (groups[group], -group.start), default=None)
