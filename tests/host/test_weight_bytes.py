"""Constants count as many bytes as a runtime keeps of them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.host.weight_bytes import weight_bytes

SCALE = numpy_helper.from_array(np.array(0.1, np.float32), "scale")


def model(nodes: list[onnx.NodeProto], *constants: onnx.TensorProto) -> onnx.ModelProto:
    return helper.make_model(helper.make_graph(nodes, "graph", [], [], constants))


def floats(name: str, n: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.zeros(n, np.float32), name)


@pytest.mark.parametrize(
    ("kind", "expected"), [(TensorProto.INT4, 3), (TensorProto.INT8, 5), (TensorProto.FLOAT16, 10)]
)
def test_each_type_has_its_size(kind: int, expected: int) -> None:
    assert weight_bytes(model([], TensorProto(name="w", data_type=kind, dims=[5]))) == expected


@pytest.mark.parametrize(
    ("zero", "attributes", "expected"),
    [(np.int16, {}, 2 * 10 + 2), (None, {}, 10), (None, {"output_dtype": TensorProto.INT4}, 5)],
    ids=["zero point", "by default", "attribute"],
)
def test_floats_that_a_graph_quantizes_itself_count_in_that_type(
    zero: type[np.integer] | None, attributes: dict[str, int], expected: int
) -> None:
    names = ["w", "scale"] + ([] if zero is None else ["zero"])
    constants = [floats("w", 10), SCALE]
    constants += [] if zero is None else [numpy_helper.from_array(np.array(0, zero), "zero")]
    node = helper.make_node("QuantizeLinear", names, ["q"], **attributes)
    assert weight_bytes(model([node], *constants)) == expected + 4


def test_floats_that_something_else_reads_too_count_as_floats() -> None:
    nodes = [helper.make_node("QuantizeLinear", ["w", "scale"], ["q"]), helper.make_node("Relu", ["w"], ["y"])]
    assert weight_bytes(model(nodes, floats("w", 10), SCALE)) == 40 + 4
