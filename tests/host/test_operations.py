"""What graphs compute, counted without running them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.host.operations import by_node, count, of_one_sample, shapes, usual


def model_of_words() -> onnx.ModelProto:
    """Words and their places to vectors of 8, a layer, and a change of shape that asks how many words there are."""
    constants = {
        "words": np.zeros((50, 8), np.float32),
        "places": np.zeros((20, 8), np.float32),
        "weight": np.zeros((8, 6), np.float32),
        "heads": np.zeros((3, 4), np.float32),
        "zero": np.int64(0),
        "one": np.int64(1),
        "front": np.int64([0]),
        "halves": np.int64([2, 3]),
    }
    nodes = [
        helper.make_node("Shape", ["ids"], ["sizes"], "ask"),
        helper.make_node("Gather", ["sizes", "one"], ["length"], "length"),
        helper.make_node("Range", ["zero", "length", "one"], ["row"], "range"),
        helper.make_node("Gather", ["places", "row"], ["place"], "place"),
        helper.make_node("Gather", ["words", "ids"], ["word"], "word"),
        helper.make_node("Add", ["word", "place"], ["x"], "add"),
        helper.make_node("MatMul", ["x", "weight"], ["y"], "layer"),
        helper.make_node("Shape", ["y"], ["again"], "ask_again"),
        helper.make_node("Slice", ["again", "front", "halves_at"], ["lead"], "lead"),
        helper.make_node("Concat", ["lead", "halves"], ["target"], "join", axis=0),
        helper.make_node("Reshape", ["y", "target"], ["split"], "reshape"),
        helper.make_node("MatMul", ["split", "heads"], ["out"], "each"),
    ]
    constants["halves_at"] = np.int64([2])
    graph = helper.make_graph(
        nodes,
        "words",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", "length", 2, 4])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("length", [1, 7])
def test_work_follows_the_length_through_what_is_made_of_sizes(length: int) -> None:
    model = model_of_words()
    before = model.SerializeToString()
    assert by_node(model, {"ids": (1, length)}) == {"layer": 2 * length * 8 * 6, "each": 2 * length * 2 * 3 * 4}
    assert shapes(model, {"ids": (1, length)})["split"] == (1, length, 2, 3)
    assert model.SerializeToString() == before


def test_free_lengths_count_as_one() -> None:
    model = model_of_words()
    assert count(model) == count(model, shapes(model, {"ids": (1, 1)})) > 0


def test_a_usual_sample_is_one_row_of_many() -> None:
    (sizes,) = usual(model_of_words()).values()
    assert sizes[0] == 1
    assert sizes[1] > 1


def test_work_of_one_sample_is_unknown_without_its_length() -> None:
    model = model_of_words()
    assert of_one_sample(model) is None
    assert of_one_sample(model, {"ids": (1, 7)}) == 2 * 7 * 8 * 6 + 2 * 7 * 2 * 3 * 4


def test_what_depends_on_values_counts_nothing() -> None:
    model = model_of_words()
    model.graph.node[2].input[1] = "told"
    model.graph.node[6].input[0] = "place"
    told = helper.make_tensor_value_info("told", TensorProto.INT64, [])
    model.graph.input.append(told)
    assert by_node(model, {"ids": (1, 7)}) == {"layer": 0, "each": 0}
