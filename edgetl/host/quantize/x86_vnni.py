"""Q/DQ graphs for x86 CPUs with VNNI or AMX: uint8 activations, int8 weights per channel, int32 biases.

Placement, decided by measuring EfficientNet-Lite0 with ONNX Runtime and OpenVINO: outputs of convolutions and
products (an activation behind them is absorbed), both inputs of Add. The first convolution is quantized too; an
8-bit image loses nothing by it. Pooling, Concat and everything behind stay in float: quantizing them gains no time,
and features are what the head is fitted on.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from edgetl.errors import Unsupported
from edgetl.host.graph import backbone_digest, read_graph, weights_of, write_graph
from edgetl.host.quantize.bias import correct_biases
from edgetl.host.quantize.calibrate import before_clipping
from edgetl.host.quantize.lint import check_loads, lint
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.rewrites import add_missing_biases, fuse_normalisation
from edgetl.host.quantize.surgery import Surgery, insert

OP_TYPES = ("Add", "Clip", "Conv", "Gemm", "MatMul", "MaxPool", "Relu")


class X86Vnni:
    """The rendering ``x86-vnni``."""

    name = "x86-vnni"

    def render(self, model: Path, record: CalibrationRecord, out: Path, keep_float: frozenset[str]) -> None:
        """Write a Q/DQ graph with the same inputs and outputs; equal arguments give equal bytes.

        Raises:
            Unsupported: the record is of another graph, or a node to keep does not exist.
        """
        graph = read_graph(model)
        if backbone_digest(graph) != record.graph_sha256:
            raise Unsupported(f"the calibration record is of another graph than {str(model)!r}; calibrate this one")
        unknown = keep_float - {node.name for node in graph.graph.node}
        if unknown:
            raise Unsupported(f"the graph has no node {', '.join(map(repr, sorted(unknown)))} to keep in float")
        fuse_normalisation(graph)
        add_missing_biases(graph)
        keep = keep_float | _better_in_float(graph)
        surgery = Surgery("uint8", OP_TYPES, keep, {"ActivationSymmetric": False, "WeightSymmetric": True})
        quantized = insert(onnx.shape_inference.infer_shapes(graph), _ranges(graph, record), surgery)
        correct_biases(quantized, graph, record.tensors)
        lint(quantized, graph, keep_float)
        write_graph(quantized, out)
        check_loads(out)


RENDERING = X86Vnni()


def _better_in_float(graph: onnx.ModelProto) -> frozenset[str]:
    """Nodes that lose by quantization: products of two activations, and sums with a constant.

    ONNX Runtime 1.31 computes attention's products wrong in uint8 (features of a small vision transformer: -2 dB,
    and 40 dB without its optimisations). Sums with a constant have nothing to gain.
    """
    constants = weights_of(graph).keys()
    return frozenset(
        node.name
        for node in graph.graph.node
        if (node.op_type == "Add" and constants & set(node.input))
        or (node.op_type in ("Gemm", "MatMul") and not constants & set(node.input[:2]))
    )


def _ranges(graph: onnx.ModelProto, record: CalibrationRecord) -> dict[str, tuple[float, float]]:
    """The record's ranges; a tensor that an activation clips takes that of the activation's output."""
    ranges = record.ranges()
    for name, clipped in before_clipping(graph).items():
        if clipped in ranges:
            ranges[name] = ranges[clipped]
    return ranges
