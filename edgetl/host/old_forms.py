"""What older exporters wrote, in the form that quantization knows."""

from __future__ import annotations

import onnx

from edgetl.host.export import GraphPass
from edgetl.host.quantize.opset import raised_opset
from edgetl.host.quantize.qdq import OPSET
from edgetl.host.quantize.rewrites import plain_gemms, unshare_weights


def _newer(model: onnx.ModelProto) -> onnx.ModelProto:
    return raised_opset(model, OPSET, "integers with a scale for each channel")


def _plain(model: onnx.ModelProto) -> onnx.ModelProto:
    unshare_weights(model)
    plain_gemms(model)
    return model


OLD_FORMS = (GraphPass(f"opset {OPSET}", _newer), GraphPass("biases of one row", _plain))
"""What is done to a user's own graph before all else."""
