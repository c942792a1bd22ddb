"""What ONNX Runtime's CPU provider fuses into integer kernels, and what it computes in float or wrong.

Sources: ONNX Runtime's documentation of quantization ("When and why do I need to try U8U8?"), and its
``QDQS8ToU8Transformer``, ``ReluQuantTransformer`` and QDQ selectors.
"""

from __future__ import annotations

import numpy as np
import onnx

from edgetl.host.quantize.rules.rule import Rule, some
from edgetl.host.quantize.rules.view import LAYERS, View

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
