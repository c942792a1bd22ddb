"""What all renderings share: the way in, with its checks, and the way out, with its lint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx

from edgetl.errors import Unsupported
from edgetl.host.graph import backbone_digest, read_graph, weights_of, write_graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import before_clipping
from edgetl.host.quantize.lint import check_loads
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.rules import check_rules
from edgetl.host.quantize.rules.view import LAYERS
from edgetl.target import RuntimeName


def checked(model: Path, record: CalibrationRecord, settings: RenderSettings) -> onnx.ModelProto:
    """Read the float graph that a record was made of.

    Raises:
        Unsupported: the record is of another graph, a node to keep does not exist, or layers are not in float32.
    """
    graph = read_graph(model)
    if backbone_digest(graph) != record.graph_sha256:
        raise Unsupported(f"the calibration record is of another graph than {str(model)!r}; calibrate this one")
    unknown = settings.keep_float - {node.name for node in graph.graph.node}
    if unknown:
        raise Unsupported(f"the graph has no node {', '.join(map(repr, sorted(unknown)))} to keep in float")
    _check_types(graph)
    return graph


def _check_types(graph: onnx.ModelProto) -> None:
    """Refuse layers of another float than calibration watches."""
    weights = weights_of(graph)
    types = {
        weights[name].data_type
        for node in graph.graph.node
        if node.op_type in LAYERS
        for name in node.input[:2]
        if name in weights
    }
    others = types & {onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE}
    if others:
        names = ", ".join(sorted(onnx.TensorProto.DataType.Name(kind).lower() for kind in others))
        raise Unsupported(
            f"layers of the model have weights of {names}, expected float (float32); export it in float32"
        )


def with_clipped(graph: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Ranges in which a tensor that an activation clips has that of the activation's output."""
    clipped = {name: ranges[after] for name, after in before_clipping(graph).items() if after in ranges}
    return {**ranges, **clipped}


def deliver(rendered: onnx.ModelProto, rendering: str, out: Path, runtime: RuntimeName = "onnxruntime") -> None:
    """Check a graph against the rules of its rendering, write it, and open it once.

    Args:
        runtime: what opens it.

    Raises:
        EdgeTLError: it breaks a rule of its own rendering, which is a bug of the rendering.
        BackendError: the runtime refuses it.
        MissingExtra: the runtime is not installed.
    """
    check_rules(rendered, rendering)
    write_graph(rendered, out)
    check_loads(out, runtime)
