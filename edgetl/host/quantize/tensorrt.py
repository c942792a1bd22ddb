"""Q/DQ graphs for TensorRT 8.5 to 11: explicit, symmetric, on the inputs of layers only.

Weights stay float with a Q/DQ pair over them, and biases stay float: what every parser from 8.5 on takes (int8 weights
with a DQ alone came later). So the file is as large as the float one; the engine that is built of it is not.

TensorRT fuses a convolution with the ReLU and the sum behind it and quantizes on the way out, wherever the next
layer's input has a Q. So there is one on the input of every layer and on the skip branch of a sum, and nowhere else: a
Q between a convolution and the sum behind it would keep the two apart.

References:
    NVIDIA's toolkit for TensorFlow, "Add custom Q/DQ cases"; NVIDIA Model Optimizer 0.47, ``configure_ort``.
"""

from __future__ import annotations

import onnx

from edgetl.host.quantize.opset import with_opset
from edgetl.host.quantize.placement import float_main_branches, thin_for_tensorrt
from edgetl.host.quantize.qdq import QdqRendering
from edgetl.host.quantize.rules.tensorrt import OPSET

OP_TYPES = ("Add", "Conv", "Gemm", "MatMul")


def _readable(model: onnx.ModelProto) -> onnx.ModelProto:
    return with_opset(model, OPSET, "TensorRT 8.5 and 8.6")


RENDERING = QdqRendering(
    "tensorrt",
    "int8",
    frozenset({"tensorrt"}),
    symmetric=True,
    op_types=OP_TYPES,
    better_in_float=thin_for_tensorrt,
    prepare=_readable,
    finish=float_main_branches,
    options={
        "QuantizeBias": False,
        "AddQDQPairToWeight": True,
        "OpTypesToExcludeOutputQuantization": list(OP_TYPES),
        "DedicatedQDQPair": False,
    },
)
