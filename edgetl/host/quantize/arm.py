"""Q/DQ graphs for ONNX Runtime on ARM CPUs: int8 activations with the zero point they need, int8 weights.

ONNX Runtime has kernels of int8 by int8 there (SDOT, SMMLA). The zero point of an activation behind a ReLU is -128,
so that ONNX Runtime drops the ReLU; symmetric activations would keep it, and with it the layer in float.

From opset 21 on a QuantizeLinear may say its type twice. ONNX Runtime (as of 1.32) says it twice where it moves a pair
past a Reshape of its own, changes int8 to uint8 on x86 in one of the two places, and refuses the graph that it made: a
host on x86 could not judge it. So graphs are of opset 20 where they have a form in it.
"""

from __future__ import annotations

import onnx

from edgetl.host.quantize.opset import older_opset
from edgetl.host.quantize.placement import better_on_cpus_in_float
from edgetl.host.quantize.qdq import FLOAT_PRODUCTS, QdqRendering, fused

OPSET = 20


def _prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    return fused(older_opset(model, OPSET))


RENDERING = QdqRendering(
    "arm",
    "int8",
    frozenset({"onnxruntime"}),
    prepare=_prepared,
    better_in_float=better_on_cpus_in_float,
    options=FLOAT_PRODUCTS,
    is_stream_float=True,
    is_bias_integer=True,
    is_float_kept=True,
)
