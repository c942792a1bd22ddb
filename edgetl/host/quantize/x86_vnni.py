"""Q/DQ graphs for x86 CPUs with VNNI or AMX: uint8 activations, int8 weights per channel, int32 biases.

Placement, decided by measuring EfficientNet-Lite0 with ONNX Runtime and OpenVINO: outputs of convolutions and
products (an activation behind them is absorbed), both inputs of Add. The first convolution is quantized too; an
8-bit image loses nothing by it. Pooling, Concat and everything behind stay in float: quantizing them gains no time,
and features are what the head is fitted on.
"""

from __future__ import annotations

from edgetl.host.quantize.placement import better_on_cpus_in_float
from edgetl.host.quantize.qdq import FLOAT_PRODUCTS, QdqRendering, fused

RENDERING = QdqRendering(
    "x86-vnni",
    "uint8",
    frozenset({"onnxruntime", "openvino"}),
    prepare=fused,
    better_in_float=better_on_cpus_in_float,
    options=FLOAT_PRODUCTS,
    is_stream_float=True,
    is_bias_integer=True,
    is_float_kept=True,
    is_image_read=True,
)
