"""What weights alone say: which layers could saturate, and on which CPUs a graph is proven not to."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import onnx
from onnx import numpy_helper

from edgetl.artifact import Artifact
from edgetl.device.probe.cpu import INT8_DOT, INT8_PAIRS
from edgetl.host.graph import weights_of
from edgetl.host.quantize.coverage import coverage
from edgetl.host.quantize.rules.view import LAYERS, SHAPING, View
from edgetl.host.quantize.saturation.layers import QuantizedLayer, layers_of
from edgetl.host.quantize.saturation.products import can_saturate, neighbours
from edgetl.tensors import Array

_WEIGHTS = {
    "ConvInteger": (1,),
    "DynamicQuantizeLSTM": (1, 2),
    "DynamicQuantizeMatMul": (1,),
    "MatMulInteger": (1,),
    "MatMulIntegerToFloat": (1,),
    "QAttention": (1,),
    "QGemm": (3,),
    "QLinearConv": (3,),
    "QLinearMatMul": (3,),
}
"""Operators on integers, in files that others quantized, and which of their inputs are weights. With int8 ones ONNX
Runtime cuts their sums like those between Q/DQ pairs (seen in 1.32: QLinearConv, MatMulInteger)."""


@dataclass(frozen=True)
class PairBound:
    """How many pairs of a layer's weights could saturate, for some input."""

    layer: str
    pairs: int
    """Neighbours along K, of all outputs; 0 for a layer that is computed in 32 bits anyway."""
    possible: int
    """Of these, how many two bytes exist for that overflow int16: an upper bound of what any image does."""
    in_some_order: bool
    """Whether any two weights of one output could, so whatever order a kernel pairs them in."""

    @property
    def share(self) -> float:
        """``possible`` as a fraction of ``pairs``; 0 without pairs."""
        return self.possible / self.pairs if self.pairs else 0.0


def pair_bounds(model: onnx.ModelProto) -> tuple[PairBound, ...]:
    """The bound ``255 * (w0 + w1)`` of each layer of a Q/DQ graph, w of one sign; no image is needed."""
    return tuple(_bound(layer) for layer in layers_of(model))


def proven_for(model: onnx.ModelProto) -> tuple[str, ...]:
    """CPU flags of x86, any of which is enough for a graph's integer sums to be exact; empty for a float graph.

    With VNNI or AMX they always are. Without, only if no two weights of an output can overflow 16 bits together in any
    order (7-bit weights never do: ``255 * 2 * 64 < 32768``), and if every quantized layer could be looked at.
    """
    quantized, on_integers = coverage(model).quantized, [*_weights_on_integers(model), *_weights_moved(model)]
    if not quantized and not on_integers:
        return ()
    bounds = pair_bounds(model)
    safe = len(bounds) == len(quantized) and not any(bound.in_some_order for bound in bounds)
    safe = safe and all(weight is not None and _is_safe(weight) for weight in on_integers)
    return tuple(sorted(INT8_DOT | INT8_PAIRS if safe else INT8_DOT))


def with_proof(artifact: Artifact, model: onnx.ModelProto) -> Artifact:
    """The description of a graph with the CPUs that it is proven for."""
    return msgspec.structs.replace(artifact, proven_isa=proven_for(model))


def _weights_on_integers(model: onnx.ModelProto) -> list[Array | None]:
    """Of every operator on integers; ``None`` where they are not constant."""
    constants = weights_of(model)
    names = [
        node.input[place]
        for node in model.graph.node
        for place in _WEIGHTS.get(node.op_type, ())
        if place < len(node.input)
    ]
    return [numpy_helper.to_array(constants[name]) if name in constants else None for name in names]


def _weights_moved(model: onnx.ModelProto) -> list[Array | None]:
    """Of layers that read dequantized integers through what only shapes them: runtimes compute it on the integers."""
    view = View.of(model)
    found = []
    for node in view.nodes(*LAYERS):
        if view.is_quantized(node) or len(node.input) < 2:
            continue
        pairs = [_through_shapes(view, name) for name in node.input[:2]]
        if all(pair is not None for pair in pairs):
            found.append(None if pairs[1] is None else view.integers(pairs[1]))
    return found


def _through_shapes(view: View, name: str) -> onnx.NodeProto | None:
    node = view.producers.get(name)
    while node is not None and node.op_type in SHAPING:
        node = view.producers.get(node.input[0])
    return node if node is not None and node.op_type == "DequantizeLinear" else None


def _is_safe(weight: Array) -> bool:
    """Whether no two of all weights overflow together; unsigned ones have kernels of their own, which are exact."""
    return weight.dtype == np.uint8 or not _in_some_order(weight.reshape(1, 1, -1))


def _bound(layer: QuantizedLayer) -> PairBound:
    if not layer.saturates:
        return PairBound(layer.name, 0, 0, in_some_order=False)
    pairs = [neighbours(group) for group in layer.weight]
    possible = sum(int(can_saturate(*pair).sum()) for pair in pairs)
    return PairBound(layer.name, sum(first.size for first, _ in pairs), possible, _in_some_order(layer.weight))


def _in_some_order(weight: Array) -> bool:
    """Whether the two largest or the two lowest weights of an output overflow."""
    ends = np.sort(np.pad(weight, ((0, 0), (0, 0), (0, 2))), axis=-1)
    return bool(can_saturate(ends[..., -1], ends[..., -2]).any() or can_saturate(ends[..., 0], ends[..., 1]).any())
