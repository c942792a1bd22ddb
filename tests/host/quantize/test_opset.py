from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.quantize.opset import raised_opset, with_opset
from edgetl.tensors import Array


def model(node: onnx.NodeProto, opset: int) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 4, 4])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    axes = numpy_helper.from_array(np.array([2]), "axes")
    tensors = [axes] if "axes" in node.input else []
    return helper.make_model(
        helper.make_graph([node], "g", [x], [y], tensors), opset_imports=[helper.make_opsetid("", opset)], ir_version=10
    )


def outputs(given: onnx.ModelProto, x: Array) -> list[Array]:
    session = ort.InferenceSession(given.SerializeToString(), providers=["CPUExecutionProvider"])
    found: list[Array] = session.run(None, {"x": x.astype(np.float32)})
    return found


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


def test_parts_of_a_split_have_sizes_in_older_opsets() -> None:
    split = helper.make_node("Split", ["x"], ["y", "z"], "split", axis=2, num_outputs=2)
    given = model(split, 18)
    given.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 5

    older = with_opset(given, 17, "TensorRT 8.5")

    (node,) = older.graph.node
    sizes = {tensor.name: numpy_helper.to_array(tensor) for tensor in older.graph.initializer}
    assert sizes[node.input[1]].tolist() == [3, 2]
    assert [entry.name for entry in node.attribute] == ["axis"]
    assert [(entry.domain, entry.version) for entry in older.opset_import] == [("", 17)]
    np.testing.assert_array_equal(*(outputs(one, np.arange(20).reshape(1, 4, 5))[0] for one in (given, older)))


def test_a_split_of_unknown_size_has_no_older_form() -> None:
    given = model(helper.make_node("Split", ["x"], ["y", "z"], "split", num_outputs=2), 18)

    with pytest.raises(Unsupported, match="No Adapter"):
        with_opset(given, 17, "TensorRT 8.5")


def test_a_pad_of_all_axes_is_the_same_in_older_opsets() -> None:
    given = model(helper.make_node("Pad", ["x", "pads"], ["y"], "pad", mode="edge"), 18)
    given.graph.initializer.append(numpy_helper.from_array(np.int64([0, 1, 0, 0, 0, 2]), "pads"))

    older = with_opset(given, 17, "TensorRT 8.5")

    np.testing.assert_array_equal(*(outputs(one, np.arange(16).reshape(1, 4, 4))[0] for one in (given, older)))


def test_a_pad_of_some_axes_has_no_older_form() -> None:
    given = model(helper.make_node("Pad", ["x", "pads", "", "axes"], ["y"], "pad"), 18)
    given.graph.initializer.append(numpy_helper.from_array(np.int64([1, 1]), "pads"))

    with pytest.raises(Unsupported, match="No Adapter"):
        with_opset(given, 17, "TensorRT 8.5")


def test_what_the_converter_adds_has_names_and_its_constants_are_weights() -> None:
    """A Softmax over all that lies behind an axis was one operator, and is three; bounds of a Clip were attributes."""
    given = model(helper.make_node("Clip", ["x"], ["clipped"], "clip", min=0.0, max=1.0), 10)
    given.graph.node.append(helper.make_node("Softmax", ["clipped"], ["y"], "soft", axis=1))

    newer = raised_opset(given, 13, "scales")

    names = [node.name for node in newer.graph.node]
    assert {"clip", "soft"} < set(names)
    assert len(set(names)) == len(names) > 2
    assert "" not in names
    assert "Constant" not in {node.op_type for node in newer.graph.node}
    rows = np.random.default_rng(0).normal(size=(1, 4, 4))
    np.testing.assert_allclose(*(outputs(one, rows)[0] for one in (given, newer)), rtol=1e-6)
