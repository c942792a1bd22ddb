"""What OpenVINO folds into its own quantization, and what it leaves alone.

Sources: the documentation of ``ConvertQuantizeDequantize``, Intel's advice on types in ModelTC/MQBench#40, and what
OpenVINO 2026.4 says it executed.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx

from edgetl.host.quantize.attention import attentions
from edgetl.host.quantize.rules.rule import Rule, some
from edgetl.host.quantize.rules.view import View

NAME = "openvino"
FUNCTIONS = frozenset(
    (
        *("Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish"),
        *("Selu", "Sigmoid", "Softplus", "Softsign", "Tanh"),
    )
)
"""Activation functions that OpenVINO was seen to be faster with behind a convolution that is not rounded; a ReLU needs
no floats, and a PRelu is slower so (``benchmarks/functions.py``)."""


def before_functions(view: View) -> tuple[onnx.NodeProto, ...]:
    """Convolutions whose results are read, rounded or not, by such functions only.

    A SiLU may be a Sigmoid and a product (Ramachandran et al. 2017, "Searching for activation functions").
    """
    outputs = {value.name for value in view.model.graph.output}
    layers = (node for node in view.nodes("Conv") if node.output[0] not in outputs)
    return tuple(node for node in layers if _is_for_functions(view, read_as(view, node.output[0]), outputs))


def read_as(view: View, name: str) -> str:
    """Under which name a tensor is read: its own, or that of the Q/DQ pair that alone reads it."""
    quantizer = view.only_reader(name)
    if quantizer is None or quantizer.op_type != "QuantizeLinear":
        return name
    dequantizer = view.only_reader(quantizer.output[0])
    return name if dequantizer is None or dequantizer.op_type != "DequantizeLinear" else dequantizer.output[0]


def _is_for_functions(view: View, name: str, outputs: Collection[str]) -> bool:
    readers = view.readers.get(name, ())
    return bool(readers) and name not in outputs and all(_is_function(view, node, name) for node in readers)


def _is_function(view: View, node: onnx.NodeProto, name: str) -> bool:
    """Whether a node is a function of a tensor, or the product of the tensor and such a function of it."""
    if node.op_type != "Mul":
        return node.op_type in FUNCTIONS
    gates = [view.producers.get(one) for one in node.input if one != name]
    return any(gate is not None and gate.op_type in FUNCTIONS and gate.input[0] == name for gate in gates)


def _float_attention(view: View) -> tuple[str, ...] | None:
    return some([name for one in attentions(view) for name in one.products])


def _rounded(view: View) -> tuple[str, ...] | None:
    return some([node.name for node in before_functions(view) if read_as(view, node.output[0]) != node.output[0]])


def _integer_ops(view: View) -> tuple[str, ...] | None:
    return some([node.name for node in view.nodes("ConvInteger", "MatMulInteger")])


def _shifted_int8(view: View) -> tuple[str, ...] | None:
    """Activations of int8 whose zero point is not 0."""
    names = []
    for node in view.nodes("QuantizeLinear"):
        zero = view.zero_point(node)
        if zero is not None and zero.dtype == np.int8 and np.any(zero) and not view.is_weight(node):
            names.append(node.name)
    return some(names)


RULES = (
    Rule(
        "no-integer-operators",
        NAME,
        "OpenVINO (as of 2026.4) computes ConvInteger and MatMulInteger in float; quantize with Q/DQ pairs",
        _integer_ops,
        frozenset({"x86", "x86-vnni", "arm", "openvino", "tensorrt"}),
    ),
    Rule(
        "shifted-int8",
        NAME,
        "activations of int8 with a zero point other than 0 cost OpenVINO on x86 a correction per layer; "
        "render it as 'x86-vnni' or 'x86'",
        _shifted_int8,
        frozenset({"x86", "x86-vnni", "openvino", "tensorrt"}),
    ),
    Rule(
        "unrounded-functions",
        NAME,
        "OpenVINO (as of 2026.4) computes an activation function together with the convolution before it, unless the "
        "convolution's result is rounded in between, which only ONNX Runtime needs; the rendering 'openvino' spares "
        "that on x86 with VNNI",
        _rounded,
        frozenset({"openvino"}),
        frozenset({"x86"}),
    ),
    Rule(
        "integer-attention",
        NAME,
        "OpenVINO (as of 2026.4) was quicker with both products of attention between linear layers on integers "
        "(all-MiniLM-L6-v2: 0.92 times the time); the rendering 'openvino' has them so, for x86 with VNNI",
        _float_attention,
        spares=frozenset({"openvino", "x86"}),
    ),
)
