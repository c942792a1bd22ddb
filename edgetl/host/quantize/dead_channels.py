"""Output channels without weights, which only have a bias."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edgetl.host.quantize.rules.view import View, axis_of
from edgetl.tensors import Array

_STEPS = 2.0**24
"""Of a bias: as fine as float32 is."""
_LEAST = 1e-30
"""A scale below which its products with others are nothing in float32."""


def fine_steps(quantized: onnx.ModelProto, original: onnx.ModelProto) -> onnx.ModelProto:
    """Give channels whose weights are all zero a scale that suits their biases; changed in place.

    Pruned filters and folded dead channels are such. ONNX Runtime's quantizer takes 1 for their scale, and the step of
    an int32 bias is that times the scale of the input: biases far smaller than the input were lost. Without weights the
    scale is free, so it is what makes the bias exact.

    Args:
        original: the float graph that the other one was made of; nodes have the same names in both.
    """
    view, before = View.of(quantized), View.of(original)
    layers = {node.name: node for node in original.graph.node}
    for layer in view.quantized_layers():
        pair, entry = view.dequantizer(layer.input[1]), view.origin(layer.input[0])
        integers, scale = (None, None) if pair is None else (view.integers(pair), view.array(pair.input[1]))
        if pair is None or entry is None or integers is None or scale is None or scale.ndim != 1:
            continue
        axis = axis_of(pair) % integers.ndim
        others = tuple(place for place in range(integers.ndim) if place != axis)
        dead: NDArray[np.bool_] = np.logical_not(np.any(integers, axis=others))
        step = view.array(entry.input[1])
        if dead.any() and step is not None and step.size == 1:
            bias = _bias(before, layers[layer.name], dead.size)
            _rescale(view, layer, (pair, scale), (dead, float(step.item()), bias))
    return quantized


def _bias(before: View, layer: onnx.NodeProto, channels: int) -> NDArray[np.float64]:
    name = before.added_behind(layer) if layer.op_type == "MatMul" else (*layer.input, "", "")[2]
    values = before.array(name) if name else None
    return np.zeros(channels) if values is None or values.size != channels else values.reshape(-1).astype(np.float64)


def _rescale(
    view: View,
    layer: onnx.NodeProto,
    weight: tuple[onnx.NodeProto, Array],
    dead: tuple[NDArray[np.bool_], float, NDArray[np.float64]],
) -> None:
    (pair, scale), (where, step, bias) = weight, dead
    exact = np.abs(bias) / (step * _STEPS)
    fine = np.where(where & (exact * min(step, 1.0) > _LEAST), exact, scale).astype(np.float32)
    _put(view, pair.input[1], fine)
    quantizer = view.producers.get(pair.input[0])
    if quantizer is not None and quantizer.input[1] != pair.input[1]:
        _put(view, quantizer.input[1], fine)
    added = view.dequantizer(layer.input[2]) if len(layer.input) > 2 else None
    integers, former = (None, None) if added is None else (view.array(added.input[0]), view.array(added.input[1]))
    if added is None or integers is None or former is None or integers.dtype != np.int32:
        return
    steps = (np.float32(step) * fine).astype(np.float32)
    _put(view, added.input[1], np.where(where, steps, former).astype(np.float32))
    _put(view, added.input[0], np.where(where, np.rint(bias / steps), integers).astype(np.int32))


def _put(view: View, name: str, values: Array) -> None:
    view.constants[name].CopyFrom(numpy_helper.from_array(values, name))
