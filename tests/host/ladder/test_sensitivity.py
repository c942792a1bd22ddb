"""Which nodes of a graph are one layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.host.graph import read_graph
from edgetl.host.ladder.sensitivity import grouped
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.plugins import RENDERINGS, find

WIDTH = 16
SIDES = ("query", "key", "value")


def projections(path: Path, is_adjacent: bool) -> Path:
    """Three products of the same tokens and their sums, one behind the other or all sums behind all products."""
    rng = np.random.default_rng(2)
    weights = {side: rng.normal(size=(WIDTH, WIDTH)) / 4 for side in SIDES}
    biases = {f"{side}.bias": rng.normal(size=WIDTH) for side in SIDES}
    products = [helper.make_node("MatMul", ["x", side], [f"{side}_product"], side) for side in SIDES]
    sums = [
        helper.make_node("Add", [f"{side}.bias", f"{side}_product"], [f"{side}_all"], f"{side}_sum") for side in SIDES
    ]
    both = zip(products, sums, strict=True)
    nodes = [node for pair in both for node in pair] if is_adjacent else [*products, *sums]
    nodes.append(helper.make_node("Sum", [f"{side}_all" for side in SIDES], ["y"], "together"))
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 12, WIDTH]) for name in "xy")
    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in {**weights, **biases}.items()]
    graph = helper.make_graph(nodes, "projections", [x], [y], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("is_adjacent", [True, False], ids=["each behind its product", "behind all products"])
def test_a_sum_belongs_to_the_product_that_it_adds_to(is_adjacent: bool, tmp_path: Path) -> None:
    model, out = projections(tmp_path / "float.onnx", is_adjacent), tmp_path / "int8.onnx"
    rng = np.random.default_rng(0)
    record = calibrate(model, [{"x": rng.normal(size=(1, 12, WIDTH)).astype(np.float32)} for _ in range(24)])
    find(RENDERINGS, "x86", "rendering").render(model, record, out, RenderSettings())

    layers = grouped(read_graph(model), read_graph(out))

    assert layers == tuple((side, f"{side}_sum") for side in SIDES)
