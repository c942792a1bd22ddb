"""What NVIDIA's parsers and builders want, versions 8.5 to 11.

Sources: onnx-tensorrt (tags 8.6-GA and 10.1-GA, ``QuantDequantLinearHelper`` and ``operators.md``), NVIDIA's toolkit
for TensorFlow on Q/DQ placement, and what TensorRT-RTX 1.7 refused in ``tests/conformance/test_tensorrt_parser.py``.
"""

from __future__ import annotations

import numpy as np
import onnx

from edgetl.host.quantize.rules.rule import Rule, some
from edgetl.host.quantize.rules.view import PAIRS, View

OPSET = 17
"""The newest opset that TensorRT 8.5 and 8.6 (JetPack 5) read."""
NAME = "tensorrt"
_BOUND = frozenset({NAME})
_INTEGER_OPS = (
    "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear"
)  # fmt: skip


def _asymmetric(view: View) -> tuple[str, ...] | None:
    return some(
        [
            node.name
            for node in view.nodes(*PAIRS)
            if (zero := view.zero_point(node)) is not None and (np.any(zero) or zero.dtype == np.uint8)
        ]
    )


def _implicit_zero(view: View) -> tuple[str, ...] | None:
    return some([node.name for node in view.nodes(*PAIRS) if view.zero_point(node) is None])


def _wide_integers(view: View) -> tuple[str, ...] | None:
    names = []
    for node in view.nodes("DequantizeLinear"):
        values = view.constants.get(node.input[0])
        if values is not None and values.data_type in (onnx.TensorProto.INT32, onnx.TensorProto.INT16):
            names.append(node.name)
    return some(names)


def _per_channel_activations(view: View) -> tuple[str, ...] | None:
    names = []
    for node in view.nodes(*PAIRS):
        scale = view.array(node.input[1])
        if scale is None or np.any(scale <= 0) or (scale.size > 1 and not view.is_weight(node)):
            names.append(node.name)
    return some(names)


def _new_opset(view: View) -> tuple[str, ...] | None:
    return () if view.opset > OPSET else None


def _image_readers(view: View) -> tuple[str, ...] | None:
    images = [value.name for value in view.model.graph.input]
    pixels = [
        name
        for name, value in zip(images, view.model.graph.input, strict=True)
        if value.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    ]
    return some([node.name for name in pixels for node in view.readers.get(name, ()) if node.op_type != "Cast"])


def _integer_ops(view: View) -> tuple[str, ...] | None:
    return some([node.name for node in view.nodes(*_INTEGER_OPS)])


def _split_sums(view: View) -> tuple[str, ...] | None:
    """Sums with a Q/DQ pair between them and a convolution that nothing else reads."""
    names = []
    for node in view.nodes("Add"):
        found = [view.dequantizer(name) for name in node.input]
        for dequantizer in (entry for entry in found if entry is not None):
            quantizer = view.producers.get(dequantizer.input[0])
            alone = len(view.readers[dequantizer.output[0]]) == 1
            maker = None if quantizer is None else view.producers.get(quantizer.input[0])
            if alone and all(found) and maker is not None and maker.op_type == "Conv":
                names.append(node.name)
    return some(names)


def _several_dequantizers(view: View) -> tuple[str, ...] | None:
    return some([node.name for node in view.nodes("QuantizeLinear") if len(view.readers.get(node.output[0], ())) > 1])


def _wide_weights(view: View) -> tuple[str, ...] | None:
    names = []
    for node in view.quantized_layers():
        weight = view.dequantizer(node.input[1])
        values = None if weight is None else view.integers(weight)
        if values is not None and values.dtype == np.int8 and np.any(values == -128):
            names.append(node.name)
    return some(names)


def _layer_norm(view: View) -> tuple[str, ...] | None:
    return some([node.name for node in view.nodes("LayerNormalization")])


def _gelu(view: View) -> tuple[str, ...] | None:
    return some([node.name for node in view.nodes("Gelu")])


def _bfloat(view: View) -> tuple[str, ...] | None:
    kinds = {tensor.data_type for tensor in view.constants.values()}
    return () if onnx.TensorProto.BFLOAT16 in kinds else None


RULES = (
    Rule(
        "symmetric",
        NAME,
        "TensorRT 8.5 to 11 quantize symmetrically and refuse zero points other than 0 of int8; "
        "render it as 'tensorrt'",
        _asymmetric,
        _BOUND,
    ),
    Rule(
        "explicit-zero-point",
        NAME,
        "a Q or DQ without a constant zero point is uint8 to ONNX and int8 to TensorRT 8.5 to 11; "
        "write an int8 zero point of 0",
        _implicit_zero,
        _BOUND,
    ),
    Rule(
        "float-bias",
        NAME,
        "the parser refuses DequantizeLinear of int32, which quantized biases are; render it as 'tensorrt', "
        "whose biases are float",
        _wide_integers,
        _BOUND,
    ),
    Rule(
        "per-tensor-activations",
        NAME,
        "scales must be constant and above 0, and those of activations one per tensor; render it as 'tensorrt'",
        _per_channel_activations,
        _BOUND,
    ),
    Rule(
        "opset",
        NAME,
        f"TensorRT 8.5 and 8.6 (JetPack 5) read opsets up to {OPSET}; render it as 'tensorrt', which converts",
        _new_opset,
        _BOUND,
    ),
    Rule(
        "cast-first",
        NAME,
        "TensorRT 8.5 to 11 take a uint8 input only where a Cast to float is all that reads it; "
        "move what else reads it behind the Cast",
        _image_readers,
        _BOUND,
    ),
    Rule(
        "no-integer-operators",
        NAME,
        "no version of TensorRT has QLinearConv and its kin; quantize with Q/DQ pairs",
        _integer_ops,
        _BOUND,
    ),
    Rule(
        "one-summand",
        NAME,
        "with both inputs quantized a sum is not fused into the convolution before it and costs time; "
        "quantize the skip branch only, as 'tensorrt' does",
        _split_sums,
        _BOUND,
    ),
    Rule(
        "one-dequantizer",
        NAME,
        "a Q with several DQs keeps TensorRT from fusing; let their readers share one",
        _several_dequantizers,
        _BOUND,
    ),
    Rule(
        "weight-range",
        NAME,
        "weights of -128 do not fit TensorRT's symmetric range of -127 to 127; render it as 'tensorrt'",
        _wide_weights,
        _BOUND,
    ),
    Rule(
        "layer-normalization",
        NAME,
        "TensorRT 8.5 (JetPack 5) has no LayerNormalization, which 8.6 and newer have; export for opset 16, or use "
        "JetPack 6",
        _layer_norm,
    ),
    Rule(
        "gelu",
        NAME,
        "TensorRT has the operator Gelu from version 10 on; export it as Erf for older ones",
        _gelu,
        _BOUND,
    ),
    Rule(
        "bf16",
        NAME,
        "TensorRT reads bf16 from version 10 on and runs it on GPUs from Ampere on; render 'fp16' for others",
        _bfloat,
    ),
)
