"""Layers that stay in float, kept from ONNX Runtime, which would quantize some of them."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgetl.host.naming import fresh_name, tensor_names
from edgetl.host.quantize.rewrites import without_unused
from edgetl.host.quantize.rules.onnxruntime import mistaken_layers
from edgetl.host.quantize.rules.view import View


def with_own_steps(quantized: onnx.ModelProto) -> onnx.ModelProto:
    """Give every channel of what a float layer dequantizes a step of its own, all of them equal; in place.

    ONNX Runtime (as of 1.32, its ``WeightBiasQuantization``) takes the float weights of a layer that reads a
    DequantizeLinear for forgotten ones. It quantizes them to 8 bits with one step for all channels, which ruins
    depthwise layers, and saturates on CPUs without VNNI. It does so only where the input has one step.
    """
    view, taken = View.of(quantized), set(tensor_names(quantized.graph))
    for mistaken in tuple(mistaken_layers(view)):
        layer, dequantizer = mistaken.layer, view.producers[mistaken.layer.input[0]]
        values = {"scale": view.array(dequantizer.input[1]), "zero_point": view.zero_point(dequantizer)}
        steps = {part: np.tile(one.reshape(-1), mistaken.width) for part, one in values.items() if one is not None}
        names = [fresh_name(f"{layer.name}_{part}", taken) for part in steps]
        read = fresh_name(f"{layer.name}_dequantized", taken)
        taken.update((*names, read))
        quantized.graph.initializer.extend(map(numpy_helper.from_array, steps.values(), names))
        own = helper.make_node("DequantizeLinear", [dequantizer.input[0], *names], [read], read, axis=mistaken.axis)
        quantized.graph.node.insert(list(quantized.graph.node).index(layer), own)
        layer.input[0] = read
    return without_unused(quantized)
