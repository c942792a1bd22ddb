"""Other opsets, for parsers that stopped at an older one and operators that came with a newer one."""

from __future__ import annotations

import onnx
from onnx import version_converter

from edgetl.errors import Unsupported

_IR_VERSIONS = {17: 8, 22: 10}
"""The IR version that was out with an opset (ONNX's table of versions)."""


def with_opset(model: onnx.ModelProto, opset: int, reader: str) -> onnx.ModelProto:
    """The same model in an opset that a reader knows; the model itself where its opset is old enough.

    Args:
        reader: whose limit it is, for the message.

    Raises:
        Unsupported: an operator has no older form.
    """
    if _opset(model) <= opset:
        return model
    converted = _converted(_without_noops(model), opset, f"{reader} read opsets up to {opset}")
    converted.ir_version = min(converted.ir_version, _IR_VERSIONS.get(opset, converted.ir_version))
    return converted


def older_opset(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The same model in an older opset where it has a form in it, else the model itself."""
    try:
        return with_opset(model, opset, "its readers")
    except Unsupported:
        return model


def raised_opset(model: onnx.ModelProto, opset: int, feature: str) -> onnx.ModelProto:
    """The same model in a newer opset; the model itself where its opset is new enough.

    Args:
        feature: what the newer opset is needed for, for the message.

    Raises:
        Unsupported: an operator has no newer form.
    """
    if _opset(model) >= opset:
        return model
    converted = _converted(model, opset, f"{feature} need opset {opset}")
    converted.ir_version = max(converted.ir_version, _IR_VERSIONS.get(opset, converted.ir_version))
    return converted


def _without_noops(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose reductions say nothing of empty axes where they have some: ONNX's converter carries it along."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in copy.graph.node:
        named = [entry for entry in node.attribute if entry.name == "noop_with_empty_axes"]
        if node.op_type.startswith("Reduce") and named and (not named[0].i or len(node.input) > 1):
            node.attribute.remove(named[0])
    return copy


def _opset(model: onnx.ModelProto) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)


def _converted(model: onnx.ModelProto, opset: int, why: str) -> onnx.ModelProto:
    try:
        converted: onnx.ModelProto = version_converter.convert_version(model, opset)
        onnx.checker.check_model(converted, full_check=True)
    except (RuntimeError, ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise Unsupported(
            f"{why}, and this graph of opset {_opset(model)} has no form in it ({reason}); "
            f"export the model for opset {opset}, or leave this rendering out"
        ) from error
    return converted
