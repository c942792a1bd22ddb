"""Rewrites of a float graph: what they find, and what they leave alone."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host.quantize.rewrites import fuse_normalisation
from edgetl.tensors import Array


def model_of(nodes: list[onnx.NodeProto], constants: dict[str, Array]) -> onnx.ModelProto:
    """From ``x`` to ``y``."""
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 3, 8, 8])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


CHANNELS = {"mean": np.full((1, 3, 1, 1), 0.5), "inverse": np.full((1, 3, 1, 1), 2.0)}
KERNEL = {"w": np.random.default_rng(0).normal(size=(3, 3, 3, 3))}


def test_a_difference_that_a_node_with_one_input_reads_is_no_normalisation() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["conv"], "conv"),
        helper.make_node("ReduceMax", ["conv"], ["largest"], "largest"),
        helper.make_node("Sub", ["conv", "largest"], ["difference"], "sub"),
        helper.make_node("Exp", ["difference"], ["y"], "exp"),
    ]

    assert not fuse_normalisation(model_of(nodes, KERNEL))


def test_only_what_comes_from_the_input_is_normalisation() -> None:
    """Three channels behind a layer are features, not an image."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["conv"], "conv"),
        helper.make_node("Sub", ["conv", "mean"], ["centred"], "sub"),
        helper.make_node("Mul", ["centred", "inverse"], ["y"], "mul"),
    ]

    assert not fuse_normalisation(model_of(nodes, {**KERNEL, **CHANNELS}))


@pytest.mark.parametrize("order", [["centred", "inverse"], ["inverse", "centred"]], ids=["behind", "in front"])
def test_pixels_between_zero_and_one_are_normalised_in_one_node(order: list[str]) -> None:
    nodes = [
        helper.make_node("Div", ["x", "largest"], ["share"], "div"),
        helper.make_node("Sub", ["share", "mean"], ["centred"], "sub"),
        helper.make_node("Mul", order, ["normal"], "mul"),
        helper.make_node("Conv", ["normal", "w"], ["y"], "conv"),
    ]
    model = model_of(nodes, {**KERNEL, **CHANNELS, "largest": np.array(255.0)})

    assert fuse_normalisation(model)
    assert [node.op_type for node in model.graph.node] == ["Div", "BatchNormalization", "Conv"]
