"""Q/DQ graphs for x86 CPUs without VNNI: as for those with it, but weights keep to 7 bits.

AVX2 and AVX-512 without VNNI multiply by ``vpmaddubsw``, which adds two products of uint8 and int8 into an int16 that
saturates. With weights in [-64, 64] the largest sum is 255 * (64 + 64) = 32640, and 32767 is never passed; the
last bit of the weights is the price (ONNX Runtime's documentation of quantization, "reduce_range").
"""

from __future__ import annotations

from edgetl.host.quantize.placement import better_on_cpus_in_float
from edgetl.host.quantize.qdq import FLOAT_PRODUCTS, QdqRendering, fused

RENDERING = QdqRendering(
    "x86",
    "uint8",
    frozenset({"onnxruntime", "openvino"}),
    weight_bits=7,
    prepare=fused,
    better_in_float=better_on_cpus_in_float,
    options=FLOAT_PRODUCTS,
    is_stream_float=True,
    is_bias_integer=True,
    is_float_kept=True,
    is_image_read=True,
)
