"""How much a graph computes: multiply-adds of its convolutions and matrix products."""

from __future__ import annotations

import math
from collections import Counter

import onnx

Shape = tuple[int, ...]


def count(model: onnx.ModelProto) -> int:
    """Operations of one sample, two for a multiply-add; a Q/DQ graph counts the same as its float graph.

    A convolution or product whose shape cannot be inferred with a batch of 1 counts nothing.
    """
    return sum(by_node(model).values())


def by_node(model: onnx.ModelProto) -> dict[str, int]:
    """Operations of one sample, as :func:`count` counts them, of every convolution and product by its node's name."""
    sizes = shapes(model)
    found: Counter[str] = Counter()
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
            found[node.name] += 2 * _multiply_adds(node, sizes)
    return found


def _multiply_adds(node: onnx.NodeProto, shapes: dict[str, Shape]) -> int:
    first, second, output = (shapes.get(name) for name in (node.input[0], node.input[1], node.output[0]))
    if first is None or second is None or output is None:
        return 0
    if node.op_type == "Conv":
        return math.prod(output) * math.prod(second[1:])
    if node.op_type == "ConvTranspose":
        return math.prod(first) * math.prod(second[1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return math.prod(output) * first[-2 if transposed else -1]


def shapes(model: onnx.ModelProto) -> dict[str, Shape]:
    """Shapes of the tensors for a batch of 1, weights included; those that cannot be inferred are missing."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    del fixed.graph.value_info[:]
    for value in (*fixed.graph.input, *fixed.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if not dimension.HasField("dim_value"):
                dimension.dim_value = 1
    graph = onnx.shape_inference.infer_shapes(fixed, data_prop=True).graph
    found = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        sizes = value.type.tensor_type.shape.dim
        if all(size.HasField("dim_value") for size in sizes):
            found[value.name] = tuple(size.dim_value for size in sizes)
    return found
