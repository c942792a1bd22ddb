"""Other opsets, for parsers that stopped at an older one and operators that came with a newer one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

from edgetl.errors import Unsupported
from edgetl.host.naming import fresh_name, tensor_names

_IR_VERSIONS = {13: 7, 17: 8, 22: 10}
"""The IR version that was out with an opset (ONNX's table of versions)."""
_ASIDE = "edgetl.aside"
"""Domain of nodes that ONNX's converter is not to see."""
_RESHAPED_IN = 18
"""The opset in which Pad and Split got new forms, from which ONNX's converter (as of 1.23) knows no way back."""


def with_opset(model: onnx.ModelProto, opset: int, reader: str) -> onnx.ModelProto:
    """The same model in an opset that a reader knows; the model itself where its opset is old enough.

    Args:
        reader: whose limit it is, for the message.

    Raises:
        Unsupported: an operator has no older form.
    """
    if _opset(model) <= opset:
        return model
    older = _without_noops(model)
    aside = _old_forms(older) if opset < _RESHAPED_IN <= _opset(model) else ()
    converted = _converted(older, opset, f"{reader} read opsets up to {opset}", aside)
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


def _old_forms(model: onnx.ModelProto) -> tuple[onnx.NodeProto, ...]:
    """Nodes of operators with new forms, rewritten in place to the one that opset 13 has, where they say no more."""
    typed = onnx.shape_inference.infer_shapes(model).graph
    values = {value.name: value.type.tensor_type.shape.dim for value in (*typed.input, *typed.value_info)}
    sizes = {name: [size.dim_value or None for size in shape] for name, shape in values.items()}
    return tuple(
        node
        for node in model.graph.node
        if not node.domain and node.op_type in _OLDER and _OLDER[node.op_type](model.graph, node, sizes)
    )


def _older_split(graph: onnx.GraphProto, node: onnx.NodeProto, sizes: Mapping[str, list[int | None]]) -> bool:
    """With the sizes of its parts instead of their number; not where the size of the whole is unknown."""
    given = _attributes(node)
    if "num_outputs" not in given:
        return True
    shape, axis, parts = sizes.get(node.input[0], []), given.get("axis", 0), given["num_outputs"]
    whole = shape[axis] if -len(shape) <= axis < len(shape) else None
    if whole is None:
        return False
    part = -(-whole // parts)
    lengths = np.array([part] * (parts - 1) + [whole - part * (parts - 1)], np.int64)
    name = fresh_name(f"{node.output[0]}_parts", tensor_names(graph))
    graph.initializer.append(numpy_helper.from_array(lengths, name))
    node.input[:] = [node.input[0], name]
    kept = [entry for entry in node.attribute if entry.name != "num_outputs"]
    del node.attribute[:]
    node.attribute.extend(kept)
    return True


def _older_pad(_: onnx.GraphProto, node: onnx.NodeProto, __: Mapping[str, list[int | None]]) -> bool:
    """Of all axes, in a mode that it always had."""
    mode = _attributes(node).get("mode", b"constant")
    if mode not in (b"constant", b"reflect", b"edge") or any(node.input[3:]):
        return False
    node.input[:] = node.input[:3]
    return True


_OLDER: Mapping[str, Callable[[onnx.GraphProto, onnx.NodeProto, Mapping[str, list[int | None]]], bool]] = {
    "Pad": _older_pad,
    "Split": _older_split,
}


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}


def _opset(model: onnx.ModelProto) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)


def _converted(model: onnx.ModelProto, opset: int, why: str, aside: tuple[onnx.NodeProto, ...] = ()) -> onnx.ModelProto:
    """In another opset, with a name for every node; nodes ``aside`` are carried over as they are."""
    for node in aside:
        node.domain = _ASIDE
    if aside:
        model.opset_import.append(helper.make_opsetid(_ASIDE, 1))
    try:
        converted: onnx.ModelProto = version_converter.convert_version(model, opset)
        converted = _taken_back(converted) if aside else converted
        _name_added(converted.graph)
        onnx.checker.check_model(converted, full_check=True)
    except (RuntimeError, ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise Unsupported(
            f"{why}, and this graph of opset {_opset(model)} has no form in it ({reason}); "
            f"export the model for opset {opset}, or leave this rendering out"
        ) from error
    return converted


def _taken_back(model: onnx.ModelProto) -> onnx.ModelProto:
    for node in (node for node in model.graph.node if node.domain == _ASIDE):
        node.domain = ""
    for entry in [entry for entry in model.opset_import if entry.domain == _ASIDE]:
        model.opset_import.remove(entry)
    # the converter says shapes, too, but cannot tell those behind what it did not know
    return onnx.shape_inference.infer_shapes(model)


def _name_added(graph: onnx.GraphProto) -> None:
    """Name the nodes that the converter added, and make weights of its constants; in place."""
    taken = {node.name for node in graph.node}
    for node in tuple(graph.node):
        if node.name:
            continue
        value = _attributes(node).get("value") if node.op_type == "Constant" else None
        if isinstance(value, onnx.TensorProto):
            tensor = onnx.TensorProto()
            tensor.CopyFrom(value)
            tensor.name = node.output[0]
            graph.initializer.append(tensor)
            graph.node.remove(node)
        else:
            node.name = fresh_name(f"{node.op_type.lower()}_of_{node.output[0]}", taken)
            taken.add(node.name)
