"""What every rendering must hold, checked before its file is written."""

from __future__ import annotations

from pathlib import Path

import onnx

from edgetl.errors import EdgeTLError
from edgetl.host.graph import weights_of
from edgetl.host.quantize.coverage import coverage
from edgetl.plugins import BACKENDS, find
from edgetl.runner import Backend, LoadOptions
from edgetl.target import RuntimeName


def lint(quantized: onnx.ModelProto, original: onnx.ModelProto, keep_float: frozenset[str]) -> None:
    """Check a Q/DQ graph against the float graph it was made from.

    Raises:
        EdgeTLError: the graph is invalid, quantizes nothing, lost a node that was to stay in float, quantized one,
            or changed the model's inputs or outputs. It is a bug of the rendering, not of the user's model.
    """
    try:
        onnx.checker.check_model(quantized, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise EdgeTLError(f"the quantized graph is not valid ONNX: {error}") from error
    if _interface(quantized) != _interface(original):
        raise EdgeTLError("quantization changed the inputs or outputs of the graph")
    dequantized = {node.output[0] for node in quantized.graph.node if node.op_type == "DequantizeLinear"}
    nodes = {node.name: node for node in quantized.graph.node}
    weights, before = weights_of(original), {node.name: node for node in original.graph.node}
    for name in sorted(keep_float):
        if name not in nodes:
            raise EdgeTLError(f"node {name!r} was to stay in float and is gone after quantization")
        pairs = zip(before[name].input, nodes[name].input, strict=False)
        if any(was in weights and read in dequantized for was, read in pairs):
            raise EdgeTLError(f"node {name!r} was to stay in float and has quantized weights")
    if not coverage(quantized).quantized:
        raise EdgeTLError("quantization left every layer in float")


def check_loads(path: Path, runtime: RuntimeName) -> None:
    """Open a graph with a runtime, which checks more than the ONNX checker does.

    Raises:
        BackendError: the runtime refuses it.
        MissingExtra: the runtime is not installed.
    """
    backend: Backend = find(BACKENDS, runtime, "runtime")
    options = LoadOptions(threads=1, precision="int8")
    backend.load(backend.build(path, options, None), options).close()


def _interface(model: onnx.ModelProto) -> list[bytes]:
    values = (*model.graph.input, *model.graph.output)
    return [value.name.encode() + value.type.SerializeToString(deterministic=True) for value in values]
