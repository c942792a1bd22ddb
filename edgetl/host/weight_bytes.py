"""How many bytes the constants of a graph have."""

from __future__ import annotations

import math

import onnx
from onnx import TensorProto, helper

_HALF_BYTES = frozenset((TensorProto.INT4, TensorProto.UINT4))


def weight_bytes(model: onnx.ModelProto) -> int:
    """Bytes of the constants of a graph as a runtime keeps them.

    Weights that a graph holds as floats and quantizes itself, as quantization-aware training exports them, count in
    the type that they are quantized to: runtimes do that once, when they load the graph.
    """
    constants = _constants(model)
    quantized = _quantized(model, constants)
    return sum(_bytes(tensor, quantized.get(name, tensor.data_type)) for name, tensor in constants.items())


def _constants(model: onnx.ModelProto) -> dict[str, TensorProto]:
    """Initializers, and what nodes of the kind ``Constant`` hold, by name."""
    found = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            found |= {name: entry.t for name in node.output for entry in node.attribute if entry.name == "value"}
    return found


def _quantized(model: onnx.ModelProto, constants: dict[str, TensorProto]) -> dict[str, int]:
    """Types that constants become which nothing but ``QuantizeLinear`` reads, by name of the constant."""
    found: dict[str, int] = {}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            zero = constants.get(node.input[2]) if len(node.input) > 2 else None
            chosen = next((entry.i for entry in node.attribute if entry.name == "output_dtype"), 0)
            found[node.input[0]] = zero.data_type if zero is not None else chosen or TensorProto.UINT8
    read = {
        name
        for node in model.graph.node
        for place, name in enumerate(node.input)
        if node.op_type != "QuantizeLinear" or place
    }
    return {name: kind for name, kind in found.items() if name not in read}


def _bytes(tensor: TensorProto, kind: int) -> int:
    elements: int = math.prod(tensor.dims)
    if kind in _HALF_BYTES:
        return -(-elements // 2)
    return elements * int(helper.tensor_dtype_to_np_dtype(kind).itemsize)
