"""Where a layer of a float graph is found again in the quantized one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx

from edgetl.explanation import Grid
from edgetl.host.graph import HEAD, head_nodes
from edgetl.host.quantize.calibrate import before_clipping, float_tensors
from edgetl.host.quantize.coverage import coverage
from edgetl.host.quantize.rules.view import LAYERS, View, along, axis_of
from edgetl.host.quantize.treatments.chains import chains
from edgetl.tensors import Array

_CLIPPING = frozenset(("Clip", "Relu"))


@dataclass(frozen=True)
class Weights:
    """Constant factors of a layer, in float and behind their Q/DQ pair."""

    wanted: Array
    got: Array


@dataclass(frozen=True)
class Place:
    """A layer, or another node with a quantized result."""

    node: onnx.NodeProto
    tensor: str
    """Its result in the float graph, behind the activation."""
    quantized: str | None
    """The same in the quantized graph, behind the Q/DQ pair; ``None`` where nothing corresponds to it."""
    missing: str
    """Why it is ``None``."""
    grid: Grid | None
    """That of its result in int8, whether the graph has it or only would have."""
    weights: Weights | None
    """Its own in int8: those of the graph or, where that has it in float, those that it would have."""
    is_int8: bool
    is_head: bool
    is_depthwise: bool
    can_equalise: bool
    reads: tuple[str, ...]
    """Results of other places."""


def places(original: onnx.ModelProto, quantized: onnx.ModelProto, whole: onnx.ModelProto) -> tuple[Place, ...]:
    """The layers of a float graph, and its other nodes with quantized results, in its order.

    Args:
        original: the float graph that the other one was made of; nodes have the same names in both.
        quantized: with Q/DQ pairs.
        whole: the same, untrained, with every layer in int8 that can be, for what layers would have that stay in float.
    """
    graphs = _Graphs.of(original, quantized, whole)
    known, activations = float_tensors(original), graphs.clipped
    found = [
        graphs.place(node)
        for node in original.graph.node
        if not (node.input and node.input[0] in activations)  # an activation belongs to the layer before it
    ]
    kept = [one for one in found if one.tensor in known and (one.node.op_type in LAYERS or one.grid is not None)]
    tensors = {one.tensor for one in kept}
    return tuple(replace(one, reads=tuple(name for name in one.reads if name in tensors)) for one in kept)


@dataclass(frozen=True)
class _Graphs:
    """Both graphs with what places are told apart by."""

    before: View
    after: View
    whole: View
    clipped: Mapping[str, str]
    """Results that only an activation reads, each with what that makes of it."""
    head: frozenset[str]
    on_integers: frozenset[str]
    equalisable: frozenset[str]

    @classmethod
    def of(cls, original: onnx.ModelProto, quantized: onnx.ModelProto, whole: onnx.ModelProto) -> _Graphs:
        return cls(
            View.of(original),
            View.of(quantized),
            View.of(whole),
            before_clipping(original),
            head_nodes(original),
            _on_integers(quantized),
            frozenset(chain.tensor for chain in chains(original)),
        )

    def place(self, node: onnx.NodeProto) -> Place:
        """A node with everything but which of the tensors it reads are results of other places."""
        tensor = self.clipped.get(node.output[0], node.output[0])
        other, whole = _named(self.after, node.name), _named(self.whole, node.name)
        missing = "" if other is not None else "no node has its name after quantization"
        if node.name == HEAD:
            other, missing = None, "the head may have been fitted again, so its result rightly differs"
        is_int8 = node.name in self.on_integers
        # training moves integers, so that those which the graph would have without it are none of its own
        view, shown = (self.after, other) if is_int8 else (self.whole, whole)
        grids = [_grid_behind(*side) for side in ((view, shown), (self.whole, whole))]
        return Place(
            node,
            tensor,
            None if other is None else _behind(self.after, other.output[0])[0],
            missing,
            next((grid for grid in grids if grid is not None), None),
            None if shown is None else _weights(self.before, node, view, shown),
            is_int8=is_int8,
            is_head=node.name in self.head,
            is_depthwise=_is_depthwise(self.before, node),
            can_equalise=tensor in self.equalisable,
            reads=tuple(name for name in dict.fromkeys(node.input) if name and name not in self.before.constants),
        )


def _named(view: View, name: str) -> onnx.NodeProto | None:
    return next((node for node in view.model.graph.node if node.name == name), None)


def _behind(view: View, name: str) -> tuple[str, onnx.NodeProto | None]:
    """The tensor behind activations and a Q/DQ pair, and the DQ of that pair, if there is one.

    Of an image that is read as it is, the tensor itself is dequantized.
    """
    own = view.origin(name)
    if own is not None and not view.is_weight(own):
        return name, own
    readers = view.readers.get(name, ())
    while len(readers) == 1 and readers[0].op_type in _CLIPPING and readers[0].input[0] == name:
        name = readers[0].output[0]
        readers = view.readers.get(name, ())
    quantizer = next((one for one in readers if one.op_type == "QuantizeLinear"), None)
    behind = () if quantizer is None else view.readers.get(quantizer.output[0], ())
    pair = next((one for one in behind if one.op_type == "DequantizeLinear"), None)
    return (name, None) if pair is None else (pair.output[0], pair)


def _grid_behind(view: View, node: onnx.NodeProto | None) -> Grid | None:
    """That of a node's result, where it is quantized."""
    pair = None if node is None else _behind(view, node.output[0])[1]
    return None if pair is None else _grid(view, pair)


def _grid(view: View, pair: onnx.NodeProto) -> Grid | None:
    scale, zero = view.array(pair.input[1]), view.zero_point(pair)
    if scale is None or zero is None or scale.size != 1 or zero.dtype not in (np.int8, np.uint8):
        return None
    step, middle, limits = float(scale.item()), int(zero.item()), np.iinfo(zero.dtype)
    return Grid((limits.min - middle) * step, (limits.max - middle) * step, step, zero.dtype.name)


def _weights(before: View, node: onnx.NodeProto, view: View, other: onnx.NodeProto) -> Weights | None:
    """Factors of a layer whose quantized ones are behind a pair; ``None`` for any other node."""
    if min(len(node.input), len(other.input)) < 2:
        return None
    wanted, pair = before.array(node.input[1]), view.dequantizer(other.input[1])
    if wanted is None or pair is None:
        return None
    integers, scale = view.integers(pair), view.array(pair.input[1])
    if integers is None or scale is None or integers.shape != wanted.shape:
        return None
    zero = view.zero_point(pair)
    axis, steps = axis_of(pair), integers.astype(np.float64)
    middle = 0.0 if zero is None else along(zero.astype(np.float64), axis, steps.ndim)
    return Weights(wanted, (steps - middle) * along(scale.astype(np.float64), axis, steps.ndim))


def _on_integers(quantized: onnx.ModelProto) -> frozenset[str]:
    """Layers with two quantized factors, and other nodes that read nothing but dequantized integers."""
    view = View.of(quantized)
    found = set(coverage(quantized).quantized)
    for node in quantized.graph.node:
        if node.op_type not in LAYERS and node.input and all(view.dequantizer(name) is not None for name in node.input):
            found.add(node.name)
    return frozenset(found)


def _is_depthwise(view: View, node: onnx.NodeProto) -> bool:
    groups = next((int(entry.i) for entry in node.attribute if entry.name == "group"), 1)
    weight = view.constants.get(node.input[1]) if len(node.input) > 1 else None
    return node.op_type == "Conv" and groups > 1 and weight is not None and weight.dims[1] == 1
