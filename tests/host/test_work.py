"""What a plain ONNX file computes and moves is counted as when a bundle is made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.host.graph import artifact_from
from edgetl.host.work import work_of_file
from edgetl.layers import Work
from edgetl.tensors import Array

CONV = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
GEMM = np.ones((2, 4), np.float32)
OPERATIONS = 2 * (4 * 8 * 6) * (3 * 3 * 3) + 2 * 2 * 4
"""Of one sample."""
ENDS = 4 * (3 * 8 * 6) + 4 * 2
"""Bytes of one sample's input and output."""
OPSETS = (("", 17), ("com.microsoft", 1))
SCALE, ZERO = np.array(0.1, np.float32), np.array(0, np.int8)
READ_WEIGHT = {
    "int8": [("DequantizeLinear", ("w", "scale", "zero"), "weight")],
    "trained": [
        ("QuantizeLinear", ("w", "scale", "zero"), "q"),
        ("DequantizeLinear", ("q", "scale", "zero"), "weight"),
    ],
    "constant": [],
    "float": [],
}


def save(path: Path, nodes: list[onnx.NodeProto], ends: dict[str, list[object]], constants: dict[str, Array]) -> Path:
    """A graph of floats, the last of whose ``ends`` is its output; a shape of ``None`` is not told."""
    *inputs, output = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape or None) for name, shape in ends.items()
    )
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "graph", inputs, [output], tensors)
    model = helper.make_model(
        graph, ir_version=8, opset_imports=[helper.make_opsetid(name, version) for name, version in OPSETS]
    )
    onnx.save(model, path)
    return path


def write(path: Path, kind: str = "float", batch: object = "N", size: tuple[object, object] = (8, 6)) -> Path:
    """A convolution, pooling and a product, with the weight of the convolution as ``kind`` says."""
    given = CONV if kind != "int8" else (CONV * 10).astype(np.int8)
    name = "w" if READ_WEIGHT[kind] else "weight"
    constants: dict[str, Array] = {"gemm": GEMM}
    nodes = [helper.make_node(*node[:2], [node[2]]) for node in READ_WEIGHT[kind]]
    if nodes:
        constants |= {"scale": SCALE, "zero": ZERO}
    if kind == "constant":
        nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(given)))
    else:
        constants[name] = given
    nodes += [
        helper.make_node("Conv", ["image", "weight"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["conv"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("Gemm", ["features", "gemm"], ["logits"], transB=1),
    ]
    return save(path, nodes, {"image": [batch, 3, *size], "logits": [batch, 2]}, constants)


def fed(batch: int) -> dict[str, tuple[int, ...]]:
    return {"image": (batch, 3, 8, 6)}


@pytest.mark.parametrize("batch", [1, 5])
def test_a_free_batch_counts_as_it_is_fed(tmp_path: Path, batch: int) -> None:
    weights = CONV.nbytes + GEMM.nbytes
    found = work_of_file(write(tmp_path / "m.onnx"), fed(batch))
    assert found == Work(batch * OPERATIONS, weights + batch * ENDS)


def test_a_fixed_batch_is_not_counted_twice(tmp_path: Path) -> None:
    found = work_of_file(write(tmp_path / "m.onnx", batch=8), fed(8))
    assert found == work_of_file(write(tmp_path / "free.onnx"), fed(8))
    assert found.operations == 8 * OPERATIONS


def test_other_free_sizes_count_as_they_are_fed(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", size=("height", "width"))
    assert work_of_file(path, fed(2)) == work_of_file(write(tmp_path / "fixed.onnx"), fed(2))


@pytest.mark.parametrize("kind", list(READ_WEIGHT))
def test_a_bundle_of_the_same_graph_tells_the_same(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "m.onnx", kind)
    artifact, found = artifact_from(path, "m", "float", "fp32"), work_of_file(path, fed(1))
    assert (found.operations, found.bytes) == (artifact.operations, artifact.weight_bytes + ENDS)


@pytest.mark.parametrize("kind", ["int8", "trained"])
def test_weights_of_int8_count_one_byte_however_the_graph_holds_them(tmp_path: Path, kind: str) -> None:
    found = work_of_file(write(tmp_path / "m.onnx", kind), fed(1))
    assert found == Work(OPERATIONS, CONV.size + GEMM.nbytes + SCALE.nbytes + ZERO.nbytes + ENDS)


def test_weights_in_nodes_count_as_those_in_the_list(tmp_path: Path) -> None:
    found = work_of_file(write(tmp_path / "m.onnx", "constant"), fed(1))
    assert found == work_of_file(write(tmp_path / "float.onnx"), fed(1))


def test_weights_beside_a_file_count_and_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx")
    split = tmp_path / "split.onnx"
    onnx.save(onnx.load(path), split, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (tmp_path / "weights.bin").unlink()
    assert work_of_file(split, fed(1)) == work_of_file(path, fed(1))


def test_integer_operators_count_as_the_product_they_are(tmp_path: Path) -> None:
    names = ["image", "s", "z", "w", "s", "z", "s", "z"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["image"]),
        helper.make_node("QLinearConv", names, ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("DequantizeLinear", ["conv", "s", "z"], ["y"]),
    ]
    constants: dict[str, Array] = {"w": CONV.astype(np.int8), "s": SCALE, "z": ZERO}
    found = work_of_file(
        save(tmp_path / "m.onnx", nodes, {"x": ["N", 3, 8, 6], "y": []}, constants), {"x": (2, 3, 8, 6)}
    )
    image, output = 2 * 3 * 8 * 6, 2 * 4 * 8 * 6
    assert found == Work(2 * output * 27, CONV.size + 5 + 4 * (image + output))


def test_sizes_that_depend_on_data_leave_both_unknown(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("NonZero", ["x"], ["places"]),
        helper.make_node("Cast", ["places"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["turned"]),
        helper.make_node("MatMul", ["turned", "floats"], ["y"]),
    ]
    found = work_of_file(save(tmp_path / "m.onnx", nodes, {"x": ["N", 4], "y": ["K", "K"]}, {}), {"x": (1, 4)})
    first = "shapes of nodes that multiply (MatMul) cannot be inferred"
    assert found == Work(None, None, f"{first}; sizes of y cannot be inferred, so bytes are unknown")


def test_a_product_of_unknown_rank_is_unknown(tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["x", "to"], ["r"]), helper.make_node("MatMul", ["r", "w"], ["y"])]
    shaped = helper.make_tensor_value_info("to", TensorProto.INT64, ["rank"])
    path = save(tmp_path / "m.onnx", nodes, {"x": ["N", 4], "y": []}, {"w": GEMM.T.copy()})
    (model := onnx.load(path)).graph.input.append(shaped)
    onnx.save(model, path)
    found = work_of_file(path, {"x": (1, 4), "to": (2,)})
    assert (found.operations, found.bytes) == (None, None)


def test_an_input_that_is_not_fed_leaves_both_unknown(tmp_path: Path) -> None:
    found = work_of_file(write(tmp_path / "m.onnx"), {})
    assert (found.operations, found.bytes) == (None, None)
    assert "sizes of image, logits cannot be inferred" in (found.reason or "")


@pytest.mark.parametrize(("kind", "domain"), [("Einsum", ""), ("FusedMatMul", "com.microsoft")])
def test_what_nothing_counts_leaves_operations_unknown(tmp_path: Path, kind: str, domain: str) -> None:
    attributes = {"equation": "ij,jk->ik"} if kind == "Einsum" else {}
    node = helper.make_node(kind, ["x", "w"], ["y"], domain=domain, **attributes)
    path = save(tmp_path / "m.onnx", [node], {"x": [1, 4], "y": [1, 2]}, {"w": GEMM.T.copy()})
    found = work_of_file(path, {"x": (1, 4)})
    assert found == Work(None, GEMM.nbytes + 16 + 8, f"nothing counts operations of {kind}")


def test_graphs_inside_a_graph_leave_both_unknown(tmp_path: Path) -> None:
    inner = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["out"])],
        "inner",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 4])],
    )
    node = helper.make_node("If", ["yes"], ["y"], then_branch=inner, else_branch=inner)
    path = save(tmp_path / "m.onnx", [node], {"x": [1, 4], "y": [1, 4]}, {"yes": np.array(True)})
    found = work_of_file(path, {"x": (1, 4)})
    assert (found.operations, found.bytes) == (None, None)
    assert "nothing counts operations of If; graphs inside the graph" in (found.reason or "")


def test_what_is_no_graph_says_so(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    found = work_of_file(tmp_path / "m.onnx", {})
    assert (found.operations, found.bytes) == (None, None)
    assert "cannot be counted" in (found.reason or "")
