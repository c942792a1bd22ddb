"""What one inference of a plain ONNX file computes and moves, as a bundle tells it of its graphs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import onnx
from google.protobuf.message import EncodeError
from onnx import helper

from edgetl.errors import Unsupported
from edgetl.host import operations
from edgetl.host.graph import read_structure
from edgetl.host.operations import Shape
from edgetl.host.weight_bytes import weight_bytes
from edgetl.layers import Work


def work_of_file(path: Path, fed: Mapping[str, Shape]) -> Work:
    """Count operations and bytes of one inference; weights beside the file are not read.

    Args:
        fed: shapes of the inputs by name, from which all others follow.

    Returns:
        ``reason`` says why either is ``None``; nothing is raised for a graph that cannot be counted.
    """
    try:
        model = read_structure(path)
        sizes = operations.shapes(model, fed)
    except (Unsupported, onnx.shape_inference.InferenceError, EncodeError, ValueError) as error:
        return Work(None, None, f"operations and bytes cannot be counted: {' '.join(str(error).split())}")
    uncounted, unsized = operations.unknown_because(model, sizes), _unsized(model, sizes)
    return Work(
        operations=None if uncounted else operations.count(model, sizes),
        bytes=None if unsized else weight_bytes(model) + sum(_bytes(value, sizes) for value in _ends(model)),
        reason="; ".join(filter(None, (uncounted, unsized))) or None,
    )


def _ends(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Inputs and outputs; old files list weights as inputs too."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [*(value for value in model.graph.input if value.name not in weights), *model.graph.output]


def _unsized(model: onnx.ModelProto, sizes: Mapping[str, Shape]) -> str | None:
    """Why bytes are unknown; ``None`` where they are known."""
    if any(entry.HasField("g") or entry.graphs for node in model.graph.node for entry in node.attribute):
        return "graphs inside the graph have weights that nothing counts"
    names = [value.name for value in _ends(model) if value.name not in sizes or not value.type.tensor_type.elem_type]
    return f"sizes of {', '.join(names)} cannot be inferred, so bytes are unknown" if names else None


def _bytes(value: onnx.ValueInfoProto, sizes: Mapping[str, Shape]) -> int:
    return math.prod(sizes[value.name]) * helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).itemsize
