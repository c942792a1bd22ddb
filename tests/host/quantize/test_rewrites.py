"""Rewrites of a float graph: what they find, and what they leave alone."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host.quantize.rewrites import fuse_normalisation, unshare_weights
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


def shared(*more: onnx.NodeProto) -> onnx.ModelProto:
    """Two convolutions with the same weights, and what else reads these."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["once"], "once"),
        helper.make_node("Conv", ["once", "w"], ["y"], "twice"),
    ]
    return model_of([*nodes, *more], KERNEL)


def weights_read(model: onnx.ModelProto) -> list[str]:
    return [node.input[1] for node in model.graph.node if node.op_type == "Conv"]


def test_layers_with_the_same_weights_get_their_own() -> None:
    model = shared()

    unshare_weights(model)

    assert weights_read(model) == ["w", "w_of_y"]


def test_weights_that_another_operator_reads_too_are_left_to_it() -> None:
    model = shared(helper.make_node("ReduceMax", ["w"], ["largest"], "largest", keepdims=0))

    unshare_weights(model)

    assert weights_read(model) == ["w_of_once", "w_of_y"]
    assert model.graph.node[-1].input == ["w"]


def test_weights_that_a_branch_reads_too_are_left_to_it() -> None:
    value = helper.make_tensor_value_info("same", onnx.TensorProto.FLOAT, None)
    branch = helper.make_graph([helper.make_node("Identity", ["w"], ["same"])], "branch", [], [value])
    model = shared(helper.make_node("If", ["x"], ["chosen"], "if", then_branch=branch, else_branch=branch))

    unshare_weights(model)

    assert weights_read(model) == ["w_of_once", "w_of_y"]


def test_weights_that_the_graph_puts_out_are_left_as_they_are() -> None:
    model = shared()
    model.graph.output.append(helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [3, 3, 3, 3]))

    unshare_weights(model)

    assert weights_read(model) == ["w_of_once", "w_of_y"]
