"""Rewrites of a float graph that compute the same and quantize better."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgetl.host.graph import weights_of
from edgetl.host.naming import fresh_name, names_read, tensor_names
from edgetl.host.operations import shapes, usual
from edgetl.host.quantize.rules.view import LAYERS, PAIRS, View
from edgetl.tensors import Array

_NEARLY = 1.001
"""A range may pass a bound by a quarter of a step of 8 bits."""


def fuse_normalisation(model: onnx.ModelProto) -> bool:
    """Turn the input's ``(x - mean) * inverse`` per channel into one BatchNormalization; changed in place.

    ONNX Runtime moves a Transpose past Sub and Mul but not past BatchNormalization. Behind it, mean and deviation
    would be broadcast along the innermost axis of three, which takes a quarter of the time of a small int8 network.
    OpenVINO folds either form into the first convolution. The tensor has four dimensions and three channels: constants
    of the same shape are broadcast along others of any other tensor.

    Returns:
        Whether the graph begins with such a pair.
    """
    view, sizes = View.of(model), shapes(model, usual(model))
    for sub in tuple(view.nodes("Sub")):
        mul = view.only_reader(sub.output[0])
        if mul is None or mul.op_type != "Mul" or not _is_before_layers(view, sub.input[0]):
            continue
        mean, inverse = _per_channel(view, sub, 0), _per_channel(view, mul, list(mul.input).index(sub.output[0]))
        shape = sizes.get(sub.input[0], ())
        if mean is not None and inverse is not None and len(shape) == 4 and shape[1] == 3:
            _replace(model.graph, sub, mul, (mean, inverse))
            return True
    return False


def add_missing_biases(model: onnx.ModelProto) -> None:
    """Give every convolution without a bias one of zeros, so that quantized weights can be compensated; in place."""
    weights = weights_of(model)
    for node in model.graph.node:
        if node.op_type == "Conv" and len(node.input) == 2 and node.input[1] in weights:
            name = f"{node.input[1]}_bias_of_{node.output[0]}"
            zeros = np.zeros(weights[node.input[1]].dims[0], np.float32)
            model.graph.initializer.append(numpy_helper.from_array(zeros, name))
            node.input.append(name)


def unshare_weights(model: onnx.ModelProto) -> None:
    """Give every layer weights and a bias that nothing else reads; changed in place.

    Then one of two layers with the same weights can stay in float, and weights and biases can be changed by
    themselves. The bias of a MatMul is what a sum right behind it adds.
    """
    view, names, own = View.of(model), set(tensor_names(model.graph)), _own_constants(model)
    taken = {value.name for value in model.graph.output}
    taken.update(*(set(names_read(node)) - own[place] for place, node in enumerate(model.graph.node)))
    copies = []
    for node, mine in zip(model.graph.node, own, strict=True):
        for place in (place for place, name in enumerate(node.input) if name in mine):
            name = node.input[place]
            if name in taken:
                copy = onnx.TensorProto()
                copy.CopyFrom(view.constants[name])
                node.input[place] = copy.name = fresh_name(f"{name}_of_{node.output[0]}", names)
                names.add(copy.name)
                copies.append(copy)
            taken.add(name)
    model.graph.initializer.extend(copies)


def _own_constants(model: onnx.ModelProto) -> list[set[str]]:
    """For every node the constants that are to be its own: weights and biases of layers."""
    view = View.of(model)
    biases = {node.output[0]: view.added_behind(node) for node in view.nodes("MatMul")}
    return [
        view.constants.keys() & set(node.input)
        if node.op_type in ("Conv", "Gemm", "MatMul")
        else {name for result in node.input if (name := biases.get(result)) is not None}
        for node in model.graph.node
    ]


def plain_gemms(model: onnx.ModelProto) -> None:
    """Give the constant bias of a Gemm one number for each output, ``beta`` multiplied into it; in place.

    ONNX Runtime's quantizer forgets the ``beta`` of float biases, and takes every bias for a row of such numbers.
    """
    weights = weights_of(model)
    for node in (node for node in model.graph.node if node.op_type == "Gemm" and len(node.input) > 2):
        bias, factor = weights.get(node.input[2]), weights.get(node.input[1])
        if bias is None:
            continue
        given = {entry.name: entry for entry in node.attribute}
        values = numpy_helper.to_array(bias)
        if "beta" in given:
            values = values * np.float32(given["beta"].f)
            given["beta"].f = 1.0
        if factor is not None and (values.ndim < 2 or len(values) == 1):
            is_turned = "transB" in given and given["transB"].i
            values = np.broadcast_to(values.reshape(-1), (factor.dims[0 if is_turned else 1],))
        bias.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), bias.name))


def without_loose_bounds(
    model: onnx.ModelProto, tops: Mapping[str, float], quantized: Collection[str]
) -> onnx.ModelProto:
    """Leave out the bounds of channels that a quantized tensor cannot reach; changed in place.

    Equalised channels that a ReLU6 clipped each have a bound. Where the tensor behind ends below all of them, as it
    does after quantization, they change nothing.

    Args:
        tops: highest value to represent of every tensor.
        quantized: names of the nodes that compute on integers.
    """
    view = View.of(model)
    for least in tuple(view.nodes("Min")):
        bounds = view.array(least.input[1]) if len(least.input) == 2 else None
        readers = view.readers.get(least.output[0], ())
        if bounds is None or len(readers) != 1 or readers[0].op_type != "Relu" or readers[0].output[0] not in tops:
            continue
        relu, layer = readers[0], view.producers.get(least.input[0])
        around = {node.name for node in view.readers.get(relu.output[0], ())} | {"" if layer is None else layer.name}
        is_alone = len(view.readers[least.input[0]]) == 1
        if is_alone and around <= set(quantized) and tops[relu.output[0]] <= float(bounds.min()) * _NEARLY:
            relu.input[0] = least.input[0]
            model.graph.node.remove(least)
    without_unused_weights(model.graph)
    return model


def without_unused(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop Q/DQ nodes whose result nobody reads, and constants; changed in place."""
    graph = model.graph
    outputs = {value.name for value in graph.output}
    while True:
        used = {name for node in graph.node for name in names_read(node)} | outputs
        unused = [node for node in graph.node if node.op_type in PAIRS and not used & set(node.output)]
        if not unused:
            break
        for node in unused:
            graph.node.remove(node)
    without_unused_weights(graph)
    return model


def without_unused_weights(graph: onnx.GraphProto) -> None:
    """Drop constants that no node reads, not even inside an If or a Loop; changed in place."""
    used = {name for node in graph.node for name in names_read(node)} | {value.name for value in graph.output}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _is_before_layers(view: View, name: str) -> bool:
    """Whether a tensor is an input of the graph, or comes from one alone and through no layer."""
    while name in view.producers:
        node = view.producers[name]
        sources = [source for source in node.input if source and source not in view.constants]
        if len(sources) != 1 or node.op_type in LAYERS:
            return False
        name = sources[0]
    return name not in view.constants


def _per_channel(view: View, node: onnx.NodeProto, data: int) -> Array | None:
    """The constant operand of a node as three channels, or ``None``; ``data`` is the place of the other operand."""
    values = view.array(node.input[1 - data])
    return values.reshape(3) if values is not None and values.shape in ((1, 3, 1, 1), (3, 1, 1)) else None


def _replace(graph: onnx.GraphProto, sub: onnx.NodeProto, mul: onnx.NodeProto, values: tuple[Array, Array]) -> None:
    name = sub.name or "normalise"
    mean, inverse = values
    constants: dict[str, Array] = {"scale": inverse, "shift": np.zeros(3), "mean": mean, "variance": np.ones(3)}
    names = [f"{name}.{part}" for part in constants]
    for part, value in zip(names, constants.values(), strict=True):
        graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), part))
    # the variance is one and epsilon zero, so that nothing is added to the deviation
    node = helper.make_node("BatchNormalization", [sub.input[0], *names], [mul.output[0]], name, epsilon=0.0)
    place = list(graph.node).index(sub)
    graph.node.remove(sub)
    graph.node.remove(mul)
    graph.node.insert(place, node)
    without_unused_weights(graph)
