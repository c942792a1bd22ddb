"""The layers of a Q/DQ graph that a runtime computes on integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edgetl.host.graph import weights_of
from edgetl.host.naming import names_read
from edgetl.host.quantize.rules.view import attributes_of
from edgetl.tensors import Array

_EIGHT_BITS = frozenset((np.dtype(np.uint8), np.dtype(np.int8)))


@dataclass(frozen=True)
class Requantization:
    """How sums become the next layer's 8-bit input."""

    scale: np.float32
    zero: int
    dtype: np.dtype[np.generic]


@dataclass(frozen=True)
class QuantizedLayer:
    """A Conv, Gemm or MatMul whose two factors are dequantized integers, the second one constant."""

    node: onnx.NodeProto
    source: str
    """Name of its 8-bit input."""
    axes: tuple[int, ...] | None
    """How that is transposed on the way; ``None`` where it is not."""
    source_scale: np.float32
    source_zero: int
    signed: bool
    """Whether the input is int8."""
    weight: Array
    """``(groups, output channels per group, K)``, int8 or uint8; K in the order of the kernels' pairs."""
    weight_zero: int
    weight_scale: NDArray[np.float32]
    """One per output channel."""
    bias: NDArray[np.int64]
    """In units of the input's scale times the weight's, one per output channel."""
    output: str
    """Name of the tensor that it writes: 8-bit behind a QuantizeLinear, else float."""
    to: Requantization | None
    kernel: tuple[int, ...]
    """Sizes of a convolution's kernel; empty for a matrix product."""

    @property
    def name(self) -> str:
        """Its node's, or its output's where the node has none."""
        return self.node.name or self.node.output[0]

    @property
    def saturates(self) -> bool:
        """Whether the kernels without VNNI add its products in 16 bits, whatever the weights are."""
        per_group, depth = self.weight.shape[1:]
        depthwise = bool(self.kernel) and per_group == 1 and depth == int(np.prod(self.kernel))
        grouped = self.weight.shape[0] > 1
        return self.weight.dtype == np.int8 and not (depthwise and grouped)


def layers_of(model: onnx.ModelProto) -> tuple[QuantizedLayer, ...]:
    """Every layer that can be computed on integers, in the order of the graph.

    Left to float are layers whose weights, scales or zero points are not constant, that have several zero points, more
    than 8 bits, or a scale per input channel.
    """
    found = _Graph(model)
    layers = (_layer(node, found) for node in model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul"))
    return tuple(layer for layer in layers if layer is not None)


class _Graph:
    """Look-ups in a model."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.constants: Mapping[str, onnx.TensorProto] = weights_of(model)
        self.producers = {name: node for node in model.graph.node for name in node.output}
        self.dequantizers = {node.output[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}
        self.outputs = {value.name for value in model.graph.output}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in model.graph.node:
            for name in names_read(node):
                self.readers.setdefault(name, []).append(node)

    def array(self, name: str) -> Array | None:
        tensor = self.constants.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def behind_transpose(self, name: str) -> tuple[onnx.NodeProto | None, tuple[int, ...] | None]:
        """The DQ that makes a tensor, and the axes of a Transpose between."""
        node = self.producers.get(name)
        if node is None or node.op_type != "Transpose":
            return self.dequantizers.get(name), None
        perm = attributes_of(node).get("perm")
        axes = tuple(perm) if isinstance(perm, list) else None
        return (None, None) if axes is None else (self.dequantizers.get(node.input[0]), axes)

    def pair(self, node: onnx.NodeProto) -> tuple[Array, int, np.dtype[np.generic]] | None:
        """Scale, the one zero point and its dtype of a Q or DQ; ``None`` where they are not that."""
        scale = self.array(node.input[1])
        zero = self.array(node.input[2]) if len(node.input) > 2 else np.zeros((), np.uint8)
        if scale is None or zero is None or zero.dtype not in _EIGHT_BITS or np.unique(zero).size != 1:
            return None
        return scale, int(zero.flat[0]), zero.dtype


def _layer(node: onnx.NodeProto, graph: _Graph) -> QuantizedLayer | None:
    (first, axes), second = graph.behind_transpose(node.input[0]), graph.dequantizers.get(node.input[1])
    if first is None or second is None or first.input[0] in graph.constants:
        return None
    source, factor = graph.pair(first), graph.pair(second)
    values = graph.array(second.input[0])
    if source is None or factor is None or values is None or source[0].size != 1 or values.dtype not in _EIGHT_BITS:
        return None
    matrix = _matrix(node, values)
    if matrix is None:
        return None
    channels = matrix.shape[0] * matrix.shape[1]
    scale, bias = np.float32(source[0].reshape(-1)[0]), _bias(node, graph)
    if factor[0].size not in (1, channels) or not _per_output(node, second, factor[0]) or bias is None:
        return None
    weight_scale = np.broadcast_to(factor[0].reshape(-1), channels).astype(np.float32)
    output, to = _written(node, graph)
    return QuantizedLayer(
        node=node,
        source=first.input[0],
        axes=axes,
        source_scale=scale,
        source_zero=source[1],
        signed=source[2] == np.int8,
        weight=matrix,
        weight_zero=factor[1],
        weight_scale=weight_scale,
        bias=np.rint(np.broadcast_to(bias, channels) / (np.float64(scale) * weight_scale)).astype(np.int64),
        output=output,
        to=to,
        kernel=values.shape[2:] if node.op_type == "Conv" else (),
    )


def _matrix(node: onnx.NodeProto, values: Array) -> Array | None:
    """The weight as ``(groups, output channels per group, K)``; ``None`` for what no integer kernel computes."""
    attributes = attributes_of(node)
    if node.op_type == "Conv":
        groups = int(attributes.get("group", 1))
        taps_first = np.moveaxis(values.reshape(*values.shape[:2], -1), 1, 2)
        return np.ascontiguousarray(taps_first.reshape(groups, values.shape[0] // groups, -1))
    plain = attributes.get("transA", 0) == 0 and attributes.get("alpha", 1.0) == 1 == attributes.get("beta", 1.0)
    if values.ndim != 2 or not plain:
        return None
    return np.ascontiguousarray(values if attributes.get("transB") else values.T)[None]


def _per_output(node: onnx.NodeProto, dequantizer: onnx.NodeProto, scale: Array) -> bool:
    """Whether the weight has one scale, or one per output channel."""
    if scale.size == 1:
        return True
    axis = attributes_of(dequantizer).get("axis", 1)
    rows_are_outputs = node.op_type == "Conv" or bool(attributes_of(node).get("transB"))
    return axis == 0 if rows_are_outputs else axis in (1, -1)


def _bias(node: onnx.NodeProto, graph: _Graph) -> Array | None:
    """The bias as numbers, zero without one; ``None`` where it is not constant."""
    if len(node.input) < 3 or not node.input[2]:
        return np.zeros(1)
    dequantizer = graph.dequantizers.get(node.input[2])
    if dequantizer is None:
        plain = graph.array(node.input[2])
        return None if plain is None else plain.reshape(-1).astype(np.float64)
    values, scale = graph.array(dequantizer.input[0]), graph.array(dequantizer.input[1])
    return None if values is None or scale is None else values.reshape(-1) * scale.reshape(-1).astype(np.float64)


def _written(node: onnx.NodeProto, graph: _Graph) -> tuple[str, Requantization | None]:
    """What the layer writes: a QuantizeLinear that alone reads it belongs to it."""
    name = node.output[0]
    readers = graph.readers.get(name, [])
    if len(readers) == 1 and readers[0].op_type == "QuantizeLinear" and name not in graph.outputs:
        to = graph.pair(readers[0])
        if to is not None and to[0].size == 1:
            return readers[0].output[0], Requantization(np.float32(to[0].reshape(-1)[0]), to[1], to[2])
    return name, None
