"""Graphs whose layers compute in bf16, for TensorRT 11 on GPUs from Ampere on.

ONNX has convolutions of bf16 from opset 22 on. The range of bf16 is that of fp32, so nothing overflows but the very
largest floats, which masks are made of; it has 8 bits of precision, of which fp16 has 11. ONNX Runtime's CPU provider
has no kernels for it, so OpenVINO opens the file.
"""

from __future__ import annotations

from edgetl.host.quantize.halves import HalfRendering
from edgetl.host.quantize.opset import raised_opset

OPSET = 22
LARGEST = 2.0**127 * (2 - 2**-7)

RENDERING = HalfRendering(
    "bf16",
    "bf16",
    seen_limit=LARGEST,
    proven_limit=LARGEST,
    refused=frozenset({"HardSwish"}),
    opened_by="openvino",
    prepare=lambda model: raised_opset(model, OPSET, "operators of bf16"),
)
