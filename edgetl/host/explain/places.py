"""Where a layer of a float graph is found again in the quantized one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from edgetl.explanation import Grid
from edgetl.host.graph import HEAD, head_nodes, weights_of
from edgetl.host.quantize.calibrate import before_clipping, float_tensors
from edgetl.host.quantize.coverage import coverage
from edgetl.host.quantize.rules.view import LAYERS, View
from edgetl.host.quantize.treatments.chains import chains

_CLIPPING = frozenset(("Clip", "Relu"))


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
    is_int8: bool
    is_head: bool
    is_depthwise: bool
    can_equalise: bool
    reads: tuple[str, ...]
    """Results of other places."""


def places(original: onnx.ModelProto, quantized: onnx.ModelProto) -> tuple[Place, ...]:
    """The layers of a float graph, and its other nodes with quantized results, in its order.

    Args:
        original: the float graph that the other one was made of; nodes have the same names in both.
        quantized: with Q/DQ pairs.
    """
    before, after = View.of(original), View.of(quantized)
    clipped = before_clipping(original)
    known = float_tensors(original)
    found: list[Place] = []
    for node in original.graph.node:
        if node.input and node.input[0] in clipped:
            continue  # an activation belongs to the layer before it
        tensor = clipped.get(node.output[0], node.output[0])
        place = _place(before, after, node, tensor)
        if tensor in known and (node.op_type in LAYERS or place.grid is not None):
            found.append(place)
    return tuple(_with_roles(original, quantized, found))


def _place(before: View, after: View, node: onnx.NodeProto, tensor: str) -> Place:
    other = next((one for one in after.model.graph.node if one.name == node.name), None)
    if other is None or len(other.output) != len(node.output):
        return Place(node, tensor, None, "no node has its name after quantization", None, *(False,) * 4, ())
    name, pair = _behind(after, other.output[0])
    quantized = name if pair is None else pair.output[0]
    grid = None if pair is None else _grid(after, pair)
    return Place(node, tensor, quantized, "", grid, *(False,) * 3, False, tuple(_sources(before, node)))


def _with_roles(original: onnx.ModelProto, quantized: onnx.ModelProto, found: list[Place]) -> list[Place]:
    """The places with what follows from the whole graph."""
    head = head_nodes(original)
    on_integers = _on_integers(quantized)
    equalisable = {chain.tensor for chain in chains(original)}
    tensors = {place.tensor for place in found}
    constants = weights_of(original)
    told = []
    for place in found:
        is_changed = place.node.name == HEAD and HEAD in head
        told.append(
            Place(
                place.node,
                place.tensor,
                None if is_changed else place.quantized,
                "the head may have been fitted again since, so its result rightly differs"
                if is_changed
                else place.missing,
                place.grid,
                place.node.name in on_integers,
                place.node.name in head,
                _is_depthwise(place.node, constants),
                place.tensor in equalisable,
                tuple(name for name in place.reads if name in tensors),
            )
        )
    return told


def _behind(view: View, name: str) -> tuple[str, onnx.NodeProto | None]:
    """The tensor behind an activation, and the DQ of the pair that reads it, if there is one."""
    readers = view.readers.get(name, ())
    if len(readers) == 1 and readers[0].op_type in _CLIPPING and readers[0].input[0] == name:
        name = readers[0].output[0]
        readers = view.readers.get(name, ())
    quantizer = next((one for one in readers if one.op_type == "QuantizeLinear"), None)
    if quantizer is None:
        return name, None
    pairs = view.readers.get(quantizer.output[0], ())
    return name, next((one for one in pairs if one.op_type == "DequantizeLinear"), None)


def _grid(view: View, pair: onnx.NodeProto) -> Grid | None:
    scale, zero = view.array(pair.input[1]), view.zero_point(pair)
    if scale is None or zero is None or scale.size != 1 or zero.dtype not in (np.int8, np.uint8):
        return None
    step, middle, limits = float(scale.item()), int(zero.item()), np.iinfo(zero.dtype)
    return Grid((limits.min - middle) * step, (limits.max - middle) * step, step, zero.dtype.name)


def _sources(view: View, node: onnx.NodeProto) -> list[str]:
    """The tensors that a node reads: activations only."""
    return [name for name in dict.fromkeys(node.input) if name and name not in view.constants]


def _on_integers(quantized: onnx.ModelProto) -> frozenset[str]:
    """Layers with two quantized factors, and other nodes that read nothing but dequantized integers."""
    view = View.of(quantized)
    found = set(coverage(quantized).quantized)
    for node in quantized.graph.node:
        if node.op_type not in LAYERS and node.input and all(view.dequantizer(name) is not None for name in node.input):
            found.add(node.name)
    return frozenset(found)


def _is_depthwise(node: onnx.NodeProto, constants: object) -> bool:
    groups = next((int(entry.i) for entry in node.attribute if entry.name == "group"), 1)
    weights = constants if isinstance(constants, dict) else dict(constants)  # type: ignore[call-overload]
    weight = weights.get(node.input[1]) if len(node.input) > 1 else None
    return node.op_type == "Conv" and groups > 1 and weight is not None and weight.dims[1] == 1
