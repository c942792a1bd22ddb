"""Q/DQ graphs for ONNX Runtime on ARM CPUs: int8 activations with the zero point they need, int8 weights.

ONNX Runtime has kernels of int8 by int8 there (SDOT, SMMLA). The zero point of an activation behind a ReLU is -128,
so that ONNX Runtime drops the ReLU; symmetric activations would keep it, and with it the layer in float.
"""

from __future__ import annotations

from edgetl.host.quantize.placement import better_on_cpus_in_float
from edgetl.host.quantize.qdq import FLOAT_PRODUCTS, QdqRendering, fused

RENDERING = QdqRendering(
    "arm",
    "int8",
    frozenset({"onnxruntime"}),
    prepare=fused,
    better_in_float=better_on_cpus_in_float,
    options=FLOAT_PRODUCTS,
    is_stream_float=True,
    is_bias_integer=True,
)
