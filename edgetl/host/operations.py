"""How much a graph computes: multiply-adds of its convolutions and matrix products."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edgetl.tensors import Array

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
_SHAPING = frozenset(
    "Add Cast Concat ConstantOfShape Div Gather Identity Mul Range Reshape Shape Slice Squeeze Sub Unsqueeze".split()  # noqa: SIM905
)
"""Operators by which exporters work out sizes from sizes."""
_FEW = 4096
"""Elements of a tensor of sizes or places; larger ones are data."""
_MANY = 16
"""A size that is not known to be small: even five strides leave one of an image that large."""


def count(model: onnx.ModelProto, sizes: Mapping[str, Shape] | None = None) -> int:
    """Operations, two for a multiply-add; a Q/DQ graph counts the same as its float graph.

    A convolution or product of unknown shape counts nothing: see :func:`unknown_because`.

    Args:
        sizes: shapes of the tensors, from :func:`shapes`; without them operations are of one sample.
    """
    return sum(_operations(model, shapes(model) if sizes is None else sizes).values())


def of_one_sample(model: onnx.ModelProto, fed: Mapping[str, Shape] | None = None) -> int | None:
    """Operations, as :func:`count` counts them; ``None`` where :func:`unknown_because` has a reason.

    Args:
        fed: shapes of the inputs of the sample; without them ``None``, too, where an input has a free size besides the
            first, the batch.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.type.tensor_type.shape.dim for value in model.graph.input if value.name not in weights]
    if fed is None and any(not size.HasField("dim_value") for sizes in inputs for size in sizes[1:]):
        return None
    found = shapes(model, fed)
    return None if unknown_because(model, found) else count(model, found)


def by_node(model: onnx.ModelProto, fed: Mapping[str, Shape] | None = None) -> dict[str, int]:
    """Operations, as :func:`count` counts them, of every convolution and product by its node's name.

    Args:
        fed: as of :func:`shapes`.
    """
    return _operations(model, shapes(model, fed))


def usual(model: onnx.ModelProto) -> dict[str, Shape]:
    """Shapes of the inputs of one usual sample, where nobody says how large it is: of one row, and of many tokens."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return {
        value.name: tuple(
            size.dim_value if size.HasField("dim_value") else _MANY if place else 1
            for place, size in enumerate(value.type.tensor_type.shape.dim)
        )
        for value in model.graph.input
        if value.name not in weights
    }


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

    What the graph works out of sizes (places of words, say) is computed where inference alone does not get through.

    Args:
        fed: shapes of the inputs by name; without them, every size of an input that is free is 1.
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    del fixed.graph.value_info[:]
    for value in fixed.graph.input:
        _fix(value, () if fed is None else fed.get(value.name, ()), 1 if fed is None else None)
    for value in fixed.graph.output:
        if not all(size.HasField("dim_value") for size in value.type.tensor_type.shape.dim):
            # a free length there is whatever follows
            value.type.tensor_type.ClearField("shape")
    found = _inferred(fixed)
    while not _is_enough(fixed, found) and _fold(fixed, found):
        found = _inferred(fixed)
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


def _inferred(fixed: onnx.ModelProto) -> dict[str, Shape]:
    graph = onnx.shape_inference.infer_shapes(fixed, data_prop=True).graph
    found = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        tensor = value.type.tensor_type
        # without the field even the number of dimensions is unknown
        if tensor.HasField("shape") and all(size.HasField("dim_value") for size in tensor.shape.dim):
            found[value.name] = tuple(size.dim_value for size in tensor.shape.dim)
    return found


def _is_enough(fixed: onnx.ModelProto, found: Mapping[str, Shape]) -> bool:
    return all(node.output[0] in found for node in fixed.graph.node if node.op_type in _WEIGHT)


def _fold(fixed: onnx.ModelProto, found: Mapping[str, Shape]) -> bool:
    """Put constants in place of the nodes that only work out sizes; returns whether there was one, changed in place."""
    known = {one.name: numpy_helper.to_array(one) for one in fixed.graph.initializer if math.prod(one.dims) <= _FEW}
    kept, made = [], list[onnx.TensorProto]()
    for node in fixed.graph.node:
        value = _value(node, known, found, fixed)
        if value is None:
            kept.append(node)
        else:
            known[node.output[0]] = value
            made.append(numpy_helper.from_array(value, node.output[0]))
    outputs = {value.name for value in fixed.graph.output}
    if not made or outputs & {one.name for one in made}:
        return False
    fixed.graph.initializer.extend(made)
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del fixed.graph.node[:]
    fixed.graph.node.extend(nodes)
    return True


def _value(
    node: onnx.NodeProto, known: Mapping[str, Array], found: Mapping[str, Shape], fixed: onnx.ModelProto
) -> Array | None:
    """The integers that a node makes of sizes; ``None`` where it makes anything else, or not of sizes alone."""
    if node.op_type not in _SHAPING or len(node.output) != 1:
        return None
    if node.op_type == "Shape":
        shape = found.get(node.input[0])
        feeds = None if shape is None else {node.input[0]: np.broadcast_to(np.float32(0), shape)}
    else:
        is_known = all(name in known for name in node.input if name)
        feeds = {name: known[name] for name in node.input if name} if is_known else None
    if feeds is None:
        return None
    try:
        value = _evaluated(node, feeds, fixed)
    except Exception:  # noqa: BLE001 - the evaluator raises anything; what is unknown then stays so
        return None
    return value if value.dtype.kind in "iub" and value.size <= _FEW else None


def _evaluated(node: onnx.NodeProto, feeds: Mapping[str, Array], fixed: onnx.ModelProto) -> Array:
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    output = helper.make_tensor_value_info(node.output[0], onnx.TensorProto.UNDEFINED, None)
    graph = helper.make_graph([node], "one", inputs, [output])
    one = helper.make_model(graph, opset_imports=fixed.opset_import)
    (value,) = ReferenceEvaluator(one).run(None, dict(feeds))
    return np.asarray(value)
