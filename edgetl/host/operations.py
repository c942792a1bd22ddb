"""How much a graph computes: multiply-adds of its convolutions and matrix products."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import onnx

Shape = tuple[int, ...]
_WEIGHT = {
    "Conv": 1,
    "ConvInteger": 1,
    "ConvTranspose": 1,
    "Gemm": 1,
    "MatMul": 1,
    "MatMulInteger": 1,
    "QLinearConv": 3,
    "QLinearMatMul": 3,
}
"""Kinds of nodes that are counted, and which of their inputs is the weight or second matrix."""
_UNCOUNTED = frozenset(("Attention", "DeformConv", "Einsum", "GRU", "If", "LSTM", "Loop", "RNN", "Scan"))
"""Standard kinds that hold products too."""


def count(model: onnx.ModelProto, sizes: Mapping[str, Shape] | None = None) -> int:
    """Operations, two for a multiply-add; a Q/DQ graph counts the same as its float graph.

    A convolution or product of unknown shape counts nothing: see :func:`unknown_because`.

    Args:
        sizes: shapes of the tensors, from :func:`shapes`; without them operations are of one sample.
    """
    return sum(_operations(model, shapes(model) if sizes is None else sizes).values())


def of_one_sample(model: onnx.ModelProto) -> int | None:
    """Operations, as :func:`count` counts them; ``None`` where an input has a free size besides the first, the batch.

    ``None``, too, where :func:`unknown_because` has a reason.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.type.tensor_type.shape.dim for value in model.graph.input if value.name not in weights]
    if any(not size.HasField("dim_value") for sizes in inputs for size in sizes[1:]):
        return None
    found = shapes(model)
    return None if unknown_because(model, found) else count(model, found)


def by_node(model: onnx.ModelProto) -> dict[str, int]:
    """Operations of one sample, as :func:`count` counts them, of every convolution and product by its node's name."""
    return _operations(model, shapes(model))


def unknown_because(model: onnx.ModelProto, sizes: Mapping[str, Shape]) -> str | None:
    """Why :func:`count` leaves something out; ``None`` where it counts every product of a graph."""
    nodes = model.graph.node
    others = {node.op_type for node in nodes if node.op_type in _UNCOUNTED or node.domain not in ("", "ai.onnx")}
    if others:
        return f"nothing counts operations of {', '.join(sorted(others))}"
    unknown = [node for node in nodes if node.op_type in _WEIGHT and _multiply_adds(node, sizes) is None]
    if unknown:
        kinds = ", ".join(sorted({node.op_type for node in unknown}))
        return f"shapes of nodes that multiply ({kinds}) cannot be inferred"
    return None


def shapes(model: onnx.ModelProto, fed: Mapping[str, Shape] | None = None) -> dict[str, Shape]:
    """Shapes of the tensors, weights included; those that cannot be inferred are missing.

    Args:
        fed: shapes of the inputs by name; without them, every size that is free is 1.
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    del fixed.graph.value_info[:]
    for value in fixed.graph.input:
        _fix(value, () if fed is None else fed.get(value.name, ()), 1 if fed is None else None)
    for value in fixed.graph.output:
        _fix(value, (), 1 if fed is None else None)
    graph = onnx.shape_inference.infer_shapes(fixed, data_prop=True).graph
    found = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        sizes = value.type.tensor_type.shape.dim
        # without the field even the number of dimensions is unknown
        if value.type.tensor_type.HasField("shape") and all(size.HasField("dim_value") for size in sizes):
            found[value.name] = tuple(size.dim_value for size in sizes)
    return found


def _fix(value: onnx.ValueInfoProto, sizes: Shape, other: int | None) -> None:
    """Give free sizes a value: that of ``sizes`` at the same place, else ``other``, which may be none."""
    for place, dimension in enumerate(value.type.tensor_type.shape.dim):
        size = sizes[place] if place < len(sizes) else other
        if not dimension.HasField("dim_value") and size is not None:
            dimension.dim_value = size


def _operations(model: onnx.ModelProto, sizes: Mapping[str, Shape]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for node in model.graph.node:
        if node.op_type in _WEIGHT:
            found[node.name] += 2 * (_multiply_adds(node, sizes) or 0)
    return found


def _multiply_adds(node: onnx.NodeProto, sizes: Mapping[str, Shape]) -> int | None:
    first, second, output = (
        sizes.get(name) for name in (node.input[0], node.input[_WEIGHT[node.op_type]], node.output[0])
    )
    if first is None or second is None or output is None:
        return None
    if node.op_type == "ConvTranspose":
        return math.prod(first) * math.prod(second[1:])
    if "Conv" in node.op_type:
        return math.prod(output) * math.prod(second[1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return math.prod(output) * first[-2 if transposed else -1]
