"""What layers read, as rows that their weights multiply."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host import graph
from edgetl.host.quantize.activations import activations
from edgetl.host.quantize.treatments.moments import WIDEST, collect_moments
from edgetl.host.quantize.treatments.products import matrix_of, rows_of, weight_of

ALL = (10_000, 0)
FLOAT = onnx.TensorProto.FLOAT


@dataclass(frozen=True)
class Layer:
    kind: str
    weight: tuple[int, ...]
    attributes: dict[str, Any] = field(default_factory=dict)


LAYERS = {
    "dense": Layer("Conv", (6, 4, 3, 3), {"pads": [1, 1, 1, 1]}),
    "strided": Layer("Conv", (6, 4, 3, 3), {"strides": [2, 1], "pads": [0, 1, 2, 1]}),
    "dilated": Layer("Conv", (6, 4, 3, 3), {"dilations": [1, 2]}),
    "oblong": Layer("Conv", (6, 4, 1, 3), {}),
    "in two groups": Layer("Conv", (6, 2, 3, 3), {"group": 2}),
    "depthwise": Layer("Conv", (8, 1, 5, 5), {"group": 4, "pads": [2, 2, 2, 2]}),
    "product": Layer("MatMul", (7, 5)),
    "gemm": Layer("Gemm", (7, 5)),
    "transposed gemm": Layer("Gemm", (5, 7), {"transB": 1}),
}


def graph_of(layer: Layer) -> onnx.ModelProto:
    """A float input, one layer with seeded weights, its output ``y``."""
    shape = ["N", 4, 9, 8] if layer.kind == "Conv" else ["N", 7]
    weight = np.random.default_rng(0).normal(size=layer.weight).astype(np.float32)
    node = helper.make_node(layer.kind, ["x", "w"], ["y"], "layer", **layer.attributes)
    x, y = (helper.make_tensor_value_info(*one) for one in (("x", FLOAT, shape), ("y", FLOAT, None)))
    made = helper.make_graph([node], "one", [x], [y], [numpy_helper.from_array(weight, "w")])
    return helper.make_model(made, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_rows_times_the_matrix_are_what_the_layer_computes(layer: Layer) -> None:
    model = graph_of(layer)
    x = np.random.default_rng(1).normal(size=(4, 9, 8) if layer.kind == "Conv" else (7,)).astype(np.float32)
    node, weight = model.graph.node[0], numpy_helper.to_array(model.graph.initializer[0])
    (wanted,) = (tensors["y"] for tensors in activations(model, ("y",), [x], 1))

    matrix, rows = matrix_of(node, weight), rows_of(node, weight, x[None], ALL)

    assert matrix is not None
    assert rows is not None
    got = (matrix @ rows.transpose(0, 2, 1)).reshape(-1, rows.shape[1])  # outputs of all groups, places
    np.testing.assert_allclose(got, wanted.reshape(len(got), -1), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(weight_of(node, matrix, weight.shape), weight)


def test_padding_by_a_rule_is_not_known() -> None:
    layer = Layer("Conv", (6, 4, 3, 3), {"auto_pad": "SAME_UPPER"})
    model = graph_of(layer)

    rows = rows_of(model.graph.node[0], np.zeros(layer.weight, np.float32), np.zeros((1, 4, 9, 8), np.float32), ALL)

    assert rows is None


def test_moments_are_those_of_all_rows_where_they_are_few(tmp_path: Path) -> None:
    model = graph_of(LAYERS["gemm"])
    graph.write_graph(model, tmp_path / "model.onnx")
    images = np.random.default_rng(1).normal(size=(30, 7)).astype(np.float32)

    found = collect_moments(tmp_path / "model.onnx", images)

    assert found.images == 30
    layer = found.layers["layer"]
    np.testing.assert_allclose(layer.mean[0], images.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.second[0], images.T @ images / 30, rtol=1e-4, atol=1e-5)


def test_several_images_cover_other_places() -> None:
    weight = np.ones((1, 1, 1, 1), np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    x = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)

    met = [rows_of(node, weight, x, (8, image)) for image in range(8)]

    assert sorted(np.concatenate([rows.ravel() for rows in met if rows is not None])) == list(range(64))


def test_layers_that_are_too_wide_are_left_out(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.zeros((WIDEST + 1, 1), np.float32), "w")
    sizes = (("x", WIDEST + 1), ("y", 1))
    values = [helper.make_tensor_value_info(name, FLOAT, ["N", size]) for name, size in sizes]
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "layer")
    made = helper.make_graph([node], "wide", values[:1], values[1:], [weight])
    opset = helper.make_opsetid("", 18)
    graph.write_graph(helper.make_model(made, ir_version=10, opset_imports=[opset]), tmp_path / "model.onnx")

    assert not collect_moments(tmp_path / "model.onnx", np.zeros((2, WIDEST + 1), np.float32)).layers
