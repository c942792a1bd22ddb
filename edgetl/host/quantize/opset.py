"""Older opsets, for parsers that stopped at them."""

from __future__ import annotations

import onnx
from onnx import version_converter

from edgetl.errors import Unsupported

_IR_VERSIONS = {17: 8}
"""The newest IR version that was out with an opset (ONNX's table of versions)."""


def with_opset(model: onnx.ModelProto, opset: int, reader: str) -> onnx.ModelProto:
    """The same model in an opset that a reader knows; the model itself where its opset is old enough.

    Args:
        reader: whose limit it is, for the message.

    Raises:
        Unsupported: an operator has no older form.
    """
    domains = {entry.domain: entry.version for entry in model.opset_import}
    if max(domains.get("", 0), domains.get("ai.onnx", 0)) <= opset:
        return model
    try:
        converted: onnx.ModelProto = version_converter.convert_version(model, opset)
        onnx.checker.check_model(converted, full_check=True)
    except (RuntimeError, ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise Unsupported(
            f"{reader} read opsets up to {opset}, and this graph of opset {domains.get('', 0)} has no form in it "
            f"({reason}); export the model for opset {opset}, or leave this rendering out"
        ) from error
    converted.ir_version = min(converted.ir_version, _IR_VERSIONS.get(opset, converted.ir_version))
    return converted
