from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.quantize.opset import raised_opset, with_opset


def model(node: onnx.NodeProto, opset: int) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 4, 4])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    axes = numpy_helper.from_array(np.array([2]), "axes")
    tensors = [axes] if "axes" in node.input else []
    return helper.make_model(
        helper.make_graph([node], "g", [x], [y], tensors), opset_imports=[helper.make_opsetid("", opset)], ir_version=10
    )


# as torch exports it
MEAN = helper.make_node("ReduceMean", ["x", "axes"], ["y"], "mean", keepdims=0, noop_with_empty_axes=0)


def test_axes_become_an_attribute_again_and_names_stay() -> None:
    older = with_opset(model(MEAN, 18), 17, "TensorRT 8.5")

    assert (older.opset_import[0].version, older.ir_version) == (17, 8)
    assert older.graph.node[0].name == "mean"
    assert list(older.graph.node[0].input) == ["x"]


def test_a_graph_that_is_old_enough_is_left_as_it_is() -> None:
    given = model(helper.make_node("Relu", ["x"], ["y"]), 13)

    assert with_opset(given, 17, "TensorRT 8.5") is given


def test_a_graph_that_is_new_enough_is_left_as_it_is() -> None:
    given = model(helper.make_node("Relu", ["x"], ["y"]), 22)

    assert raised_opset(given, 22, "bf16") is given


def test_an_operator_without_an_older_form_is_refused_in_words() -> None:
    given = model(helper.make_node("Gelu", ["x"], ["y"]), 20)

    with pytest.raises(
        Unsupported, match=r"TensorRT 8.5 read opsets up to 17.*of opset 20.*export the model for opset 17"
    ):
        with_opset(given, 17, "TensorRT 8.5")
