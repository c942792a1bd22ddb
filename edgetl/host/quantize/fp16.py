"""Graphs whose layers compute in fp16, for strongly typed TensorRT, which takes types from the graph alone.

References:
    NVIDIA Model Optimizer, AutoCast: activations beyond 512 and weights beyond fp16's largest number stay in fp32.
"""

from __future__ import annotations

import numpy as np

from edgetl.host.quantize.halves import HalfRendering
from edgetl.host.quantize.opset import with_opset
from edgetl.host.quantize.rules.tensorrt import OPSET

RENDERING = HalfRendering(
    "fp16",
    "fp16",
    seen_limit=512.0,
    proven_limit=float(np.finfo(np.float16).max),
    prepare=lambda model: with_opset(model, OPSET, "TensorRT 8.5 and 8.6"),
)
