"""What ONNX Runtime's CPU provider fuses into integer kernels, and what it computes in float or wrong.

Sources: ONNX Runtime's documentation of quantization ("When and why do I need to try U8U8?"), and its
``QDQS8ToU8Transformer``, ``ReluQuantTransformer``, ``WeightBiasQuantization`` and QDQ selectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx

from edgetl.host.quantize.rules.rule import Rule, some
from edgetl.host.quantize.rules.view import LAYERS, View, attributes_of

NAME = "onnxruntime"
_CPU = frozenset({"x86", "x86-vnni", "arm"})
_PAIR_LIMIT = 32767 / 255
"""Of |w0| + |w1|: vpmaddubsw adds two products of uint8 and int8 into an int16 that saturates."""


def _signed_activations(view: View) -> tuple[str, ...] | None:
    names = []
    for node in view.nodes("QuantizeLinear"):
        zero = view.zero_point(node)
        if zero is not None and zero.dtype == np.int8 and not view.is_weight(node):
            names.append(node.name)
    return some(names)


def _float_results(view: View) -> tuple[str, ...] | None:
    """Quantized layers whose result is not quantized, so that no integer kernel takes them."""
    return some(
        [
            node.name
            for node in view.quantized_layers()
            if node.op_type == "Conv" and not _is_quantized(view, node.output[0])
        ]
    )


def _float_sums(view: View) -> tuple[str, ...] | None:
    """Quantized products with a sum behind them that adds floats to them."""
    products = (node for node in view.quantized_layers() if node.op_type == "MatMul")
    return some([node.name for node in products if (view.bias(node) or "") in view.constants])


@dataclass(frozen=True)
class Mistaken:
    """A layer that is to stay in float, and that ONNX Runtime would quantize."""

    layer: onnx.NodeProto
    axis: int
    """Of its input, along which it is summed up with the weights."""
    width: int
    """How long that axis is: more than 1."""


def mistaken_layers(view: View) -> Iterator[Mistaken]:
    """Layers with constant float weights that read an activation which is dequantized with one step.

    A product of matrices is among them, because ONNX Runtime makes a Gemm of one with a sum behind it. Those that read
    one channel are not: they cannot be told apart from what has a step for every channel.
    """
    for layer in view.nodes(*LAYERS):
        dequantizer, weight = view.dequantizer(layer.input[0]), view.constants.get(layer.input[1])
        if dequantizer is None or weight is None or weight.data_type != onnx.TensorProto.FLOAT or len(weight.dims) < 2:
            continue
        scale, (axis, width) = view.array(dequantizer.input[1]), _summed(layer, list(weight.dims))
        if not view.is_weight(dequantizer) and scale is not None and scale.size == 1 < width:
            yield Mistaken(layer, axis, width)


def _summed(layer: onnx.NodeProto, weight: list[int]) -> tuple[int, int]:
    """Along which axis of its input a layer is summed up with its weights, and how long that is."""
    attributes = attributes_of(layer)
    if layer.op_type == "Conv":
        return 1, weight[1] * int(attributes.get("group", 1))
    if layer.op_type == "ConvTranspose":
        return 1, weight[0]
    if layer.op_type == "MatMul":
        return -1, weight[-2]
    return (0 if attributes.get("transA") else 1), weight[1 if attributes.get("transB") else 0]


def _mistaken(view: View) -> tuple[str, ...] | None:
    return some([one.layer.name for one in mistaken_layers(view)])


def _is_quantized(view: View, name: str) -> bool:
    readers = view.readers.get(name, ())
    return bool(readers) and all(node.op_type == "QuantizeLinear" for node in readers)


def _saturating(view: View) -> tuple[str, ...] | None:
    names = []
    for node in view.quantized_layers():
        weight = view.dequantizer(node.input[1])
        values = None if weight is None else view.integers(weight)
        if values is not None and 2 * int(np.abs(values.astype(np.int32)).max(initial=0)) > _PAIR_LIMIT:
            names.append(node.name)
    return some(names)


def _half(view: View, kind: int) -> tuple[str, ...] | None:
    halves = {name for name, tensor in view.constants.items() if tensor.data_type == kind}
    return some([node.name for node in view.nodes(*LAYERS) if halves & set(node.input)])


def _fp16(view: View) -> tuple[str, ...] | None:
    return _half(view, onnx.TensorProto.FLOAT16)


def _bf16(view: View) -> tuple[str, ...] | None:
    return _half(view, onnx.TensorProto.BFLOAT16)


def _loose_pairs(view: View) -> tuple[str, ...] | None:
    """DQs over constants whose zero point is of another type than these; ONNX Runtime refuses to load them."""
    names = []
    for node in view.nodes("DequantizeLinear"):
        integers, zero = view.constants.get(node.input[0]), view.zero_point(node)
        if integers is not None and zero is not None:
            of_values = onnx.helper.tensor_dtype_to_np_dtype(integers.data_type)
            if of_values != zero.dtype:
                names.append(node.name)
    return some(names)


RULES = (
    Rule(
        "unsigned-activations",
        NAME,
        "on x86 ONNX Runtime has no fast kernels for int8 activations (EfficientNet-Lite0: 2.1 times the time of "
        "float); render it as 'x86-vnni' or 'x86'",
        _signed_activations,
        frozenset({"x86", "x86-vnni"}),
        frozenset({"arm"}),
    ),
    Rule(
        "quantized-results",
        NAME,
        "ONNX Runtime's CPU provider (as of 1.32) runs convolutions in float whose result is not quantized; quantize "
        "it, as 'x86-vnni', 'x86' and 'arm' do",
        _float_results,
    ),
    Rule(
        "integer-sums",
        NAME,
        "ONNX Runtime's CPU provider (as of 1.32) makes one Gemm of a product and a sum and computes it in float, with "
        "weights that are dequantized at every inference (all-MiniLM-L6-v2: 3.4 times the time of the same graph on "
        "integers), unless what is added is int32; make it that, as 'x86-vnni', 'x86' and 'arm' do",
        _float_sums,
    ),
    Rule(
        "float-layers",
        NAME,
        "ONNX Runtime (as of 1.32) quantizes the weights of layers in float that read a DequantizeLinear with one "
        "step, to 8 bits with one step for all channels, which ruins depthwise ones; give each channel of what it "
        "reads a step of its own, all of them equal, as 'x86-vnni', 'x86' and 'arm' do",
        _mistaken,
        _CPU,
    ),
    Rule(
        "no-saturation",
        NAME,
        "on x86 CPUs without VNNI or AMX two products of 8 bits saturate at 16 bits, which makes results wrong; "
        "render it as 'x86' for these",
        _saturating,
        frozenset({"x86"}),
        frozenset({"x86-vnni", "arm"}),
    ),
    Rule(
        "fp16-kernels",
        NAME,
        "on x86 ONNX Runtime's CPU provider computes fp16 layers in fp32, between casts, which takes longer than the "
        "float graph; use the float graph there",
        _fp16,
    ),
    Rule(
        "bf16-kernels",
        NAME,
        "ONNX Runtime's CPU provider computes bf16 layers in fp32, between casts, where it loads them at all; use the "
        "float graph there, which OpenVINO computes in bf16 by a hint",
        _bf16,
    ),
    Rule(
        "matching-types",
        NAME,
        "ONNX Runtime (as of 1.32) refuses a DequantizeLinear whose zero point is of another type than its integers; "
        "write both in one type",
        _loose_pairs,
        _CPU | {"tensorrt"},
    ),
)
