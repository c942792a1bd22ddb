"""Promises of :mod:`edgetl.host.quantize.coverage`."""

from __future__ import annotations

import onnx
from onnx import helper

from edgetl.host.quantize.coverage import Coverage, coverage


def graph_of(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    return helper.make_model(helper.make_graph(nodes, "layers", [], []))


def dequantized(name: str) -> onnx.NodeProto:
    return helper.make_node("DequantizeLinear", [f"{name}.q", f"{name}.scale"], [name])


def test_a_layer_counts_when_data_and_weight_are_dequantized() -> None:
    model = graph_of(
        dequantized("image"),
        dequantized("kernel"),
        helper.make_node("Conv", ["image", "kernel", "bias"], ["map"], "both"),
        helper.make_node("Relu", ["map"], ["positive"], "no layer"),
        helper.make_node("Gemm", ["positive", "kernel"], ["row"], "weight only"),
        helper.make_node("MatMul", ["row", "row"], ["products"], "neither"),
    )
    found = coverage(model)
    assert found == Coverage(quantized=("both",), in_float=("weight only", "neither"))
    assert found.share == 1 / 3


def test_a_graph_without_layers_has_a_share_of_nothing() -> None:
    assert coverage(graph_of(helper.make_node("Relu", ["image"], ["positive"]))).share == 0
