"""The bytes of an image as the quantized input of the first layer, without a detour through floats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgetl.host.naming import fresh_name, tensor_names
from edgetl.host.quantize.rewrites import without_unused_weights
from edgetl.host.quantize.rules.view import View

_ALIKE = 1e-5
"""Relative difference of channels that count as normalised alike: digits that float32 has no room for."""
_BYTES = np.iinfo(np.uint8)
_SUMS = np.iinfo(np.int32)


@dataclass(frozen=True)
class _Detour:
    """From the image to the tensor that convolutions read: ``(bytes - mean) * step``, quantized to other bytes."""

    image: str
    nodes: tuple[onnx.NodeProto, ...]
    """In the order of the graph; the last one is the DequantizeLinear."""
    axes: tuple[int, ...] | None
    """Of the Transpose on the way, if there is one."""
    normalised: str
    """Name of the float tensor that was quantized."""
    step: float
    mean: float
    layers: tuple[onnx.NodeProto, ...]
    """Convolutions that read the last one, and nothing else does."""


def straight_in(model: onnx.ModelProto) -> bool:
    """Let the first convolutions read the image as it is; changed in place.

    Where all channels are normalised by one mean and one deviation, an 8-bit image is itself what quantizing the
    normalised image is meant to give: its step is the inverse of the deviation, its zero point the mean. So the cast,
    the normalisation and the QuantizeLinear go, and with them a rounding. A mean between two bytes goes into the
    biases; in padding, which no bias reaches, at most half a step of the image is lost by that.

    The DequantizeLinear stands in front of the Transpose. Both ONNX Runtime and OpenVINO then read the image in the
    layout in which it comes; behind the Transpose, OpenVINO computes the convolution in float.

    Returns:
        Whether the graph begins so.
    """
    view = View.of(model)
    for quantizer in tuple(view.nodes("QuantizeLinear")):
        detour = _detour(view, quantizer)
        if detour is not None:
            _straighten(model, view, detour)
            return True
    return False


def _detour(view: View, quantizer: onnx.NodeProto) -> _Detour | None:
    zero, normalise = view.zero_point(quantizer), view.producers.get(quantizer.input[0])
    dequantizer = view.only_reader(quantizer.output[0])
    if zero is None or zero.dtype != np.uint8 or normalise is None or dequantizer is None:
        return None
    affine = _affine(view, normalise)
    if affine is None or view.only_reader(normalise.output[0]) is None or dequantizer.op_type != "DequantizeLinear":
        return None
    way = _way(view, normalise.input[0])
    layers = view.readers.get(dequantizer.output[0], ())
    if way is None or not layers or not all(_takes_a_bias(view, node, dequantizer.output[0]) for node in layers):
        return None
    nodes, axes = (*way, normalise, quantizer, dequantizer), [_axes(node) for node in way if node.op_type != "Cast"]
    return _Detour(way[0].input[0], nodes, axes[0] if axes else None, normalise.output[0], *affine, layers)


def _way(view: View, name: str) -> tuple[onnx.NodeProto, ...] | None:
    """The cast of a uint8 input of the graph that a tensor comes from, and a Transpose before or behind it."""
    images = {
        value.name
        for value in view.model.graph.input
        if value.type.tensor_type.elem_type == onnx.TensorProto.UINT8 and value.name not in view.constants
    }
    nodes: list[onnx.NodeProto] = []
    while name not in images:
        node = view.producers.get(name)
        if node is None or node.op_type not in ("Cast", "Transpose") or view.only_reader(name) is None:
            return None
        nodes.insert(0, node)
        name = node.input[0]
    return tuple(nodes) if sorted(node.op_type for node in nodes) in (["Cast"], ["Cast", "Transpose"]) else None


def _affine(view: View, node: onnx.NodeProto) -> tuple[float, float] | None:
    """Step and mean of a BatchNormalization, in bytes, where all channels have the same and a byte is near."""
    if node.op_type != "BatchNormalization":
        return None
    parts = [view.array(name) for name in node.input[1:5]]
    if any(part is None for part in parts):
        return None
    scale, shift, mean, variance = (np.asarray(part, np.float64) for part in parts)
    epsilon = next((entry.f for entry in node.attribute if entry.name == "epsilon"), 1e-5)
    step: NDArray[np.float64] = scale / np.sqrt(variance + epsilon)
    if np.any(step <= 0):
        return None
    middle = mean - shift / step
    if np.ptp(step) > _ALIKE * step[0] or np.ptp(middle) > _ALIKE * _BYTES.max:
        return None
    return (float(step[0]), float(middle[0])) if -0.5 <= middle[0] <= _BYTES.max + 0.5 else None


def _takes_a_bias(view: View, node: onnx.NodeProto, source: str) -> bool:
    """Whether a node is a convolution of a tensor with constant integers as weights and, its own, as bias."""
    if node.op_type != "Conv" or len(node.input) < 3 or node.input[0] != source:
        return False
    weight, bias = (view.dequantizer(name) for name in node.input[1:3])
    if weight is None or bias is None or len(view.readers[node.input[2]]) > 1:
        return False
    zero = view.zero_point(weight)
    is_symmetric = zero is None or not np.any(zero)
    return is_symmetric and all(view.array(pair.input[0]) is not None for pair in (weight, bias))


def _straighten(model: onnx.ModelProto, view: View, detour: _Detour) -> None:
    graph, names = model.graph, set(tensor_names(model.graph))
    step = np.float32(detour.step)
    zero = np.uint8(np.clip(np.rint(detour.mean), _BYTES.min, _BYTES.max))
    for node in detour.layers:
        _shift(graph, view, node, step, float(step) * (float(zero) - detour.mean))
    scale_name = fresh_name(f"{detour.image}_scale", names)
    zero_name = fresh_name(f"{detour.image}_zero_point", {*names, scale_name})
    graph.initializer.append(numpy_helper.from_array(np.asarray(step), scale_name))
    graph.initializer.append(numpy_helper.from_array(np.asarray(zero), zero_name))
    last = detour.nodes[-1]
    place = list(graph.node).index(detour.nodes[0])
    for node in detour.nodes:
        graph.node.remove(node)
    # the tensor keeps the name it had in the float graph
    read = detour.normalised if detour.axes is None else fresh_name(f"{detour.image}_dequantized", names)
    inputs = [detour.image, scale_name, zero_name]
    graph.node.insert(place, helper.make_node("DequantizeLinear", inputs, [read], last.name))
    if detour.axes is not None:
        turn = helper.make_node("Transpose", [read], [detour.normalised], f"{last.name}_turned", perm=detour.axes)
        graph.node.insert(place + 1, turn)
    for node in detour.layers:
        node.input[0] = detour.normalised
    without_unused_weights(graph)


def _shift(graph: onnx.GraphProto, view: View, layer: onnx.NodeProto, step: np.float32, by: float) -> None:
    """Give a layer the bias with which it computes the same although every input is less by ``by``."""
    weight, bias = (view.producers[name] for name in layer.input[1:3])
    integers, scale = np.asarray(view.array(weight.input[0])), np.asarray(view.array(weight.input[1]), np.float32)
    rows = integers.astype(np.float64).reshape(len(integers), -1).sum(axis=1)
    was = np.asarray(view.array(bias.input[0]), np.float64) * np.asarray(view.array(bias.input[1]), np.float64)
    unit = np.broadcast_to(step * scale.reshape(-1), was.shape).astype(np.float32)
    sums = np.rint((was + by * rows * scale.reshape(-1)) / unit.astype(np.float64))
    constants = {tensor.name: tensor for tensor in graph.initializer}
    new = {bias.input[0]: np.clip(sums, _SUMS.min, _SUMS.max).astype(np.int32), bias.input[1]: unit}
    for name, values in new.items():
        constants[name].CopyFrom(numpy_helper.from_array(values, name))


def _axes(node: onnx.NodeProto) -> tuple[int, ...]:
    """Of a Transpose of images; all in reverse where it does not say."""
    return next((tuple(entry.ints) for entry in node.attribute if entry.name == "perm"), (3, 2, 1, 0))
