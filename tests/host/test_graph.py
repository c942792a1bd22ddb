"""Heads come and go without touching the rest of the graph; files are described without opening them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host import graph
from edgetl.host.adapt import Head
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array, TensorSpec

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3), np.uint8)
CONV_OPERATIONS = 2 * (4 * 8 * 6) * (3 * 3 * 3)
HEAD_OPERATIONS = 2 * 2 * 4


@pytest.fixture
def trunk(tmp_path: Path) -> Path:
    """Image (N, 8, 6, 3) to 4 features, with notes of an exporter that name this machine."""
    weight = numpy_helper.from_array(np.random.default_rng(1).normal(size=(4, 3, 3, 3)).astype(np.float32), "w")
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "w"], ["conv"], "conv", pads=[1, 1, 1, 1], doc_string="/home/me/model.py"),
        helper.make_node("ReduceMean", ["conv", "axes"], ["features"], keepdims=0),
    ]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", 8, 6, 3])
    features = helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["N", 4])
    axes = numpy_helper.from_array(np.array([2, 3]), "axes")
    model = helper.make_model(helper.make_graph(nodes, "trunk", [image], [features], [weight, axes]), ir_version=10)
    model.opset_import[0].version = 18
    onnx.save(model, tmp_path / "trunk.onnx")
    return tmp_path / "trunk.onnx"


def head(classes: int, features: int = 4, seed: int = 2) -> Head:
    rng = np.random.default_rng(seed)
    return Head(rng.normal(size=(classes, features)).astype(np.float32), rng.normal(size=classes).astype(np.float32))


def run(model: Path) -> dict[str, Array]:
    runner = find(BACKENDS, "onnxruntime", "runtime").load(model, LoadOptions(threads=1, batch=None))
    return runner.infer({"image": IMAGES})


def test_attach_head_computes_the_affine_head_on_the_trunks_features(trunk: Path, tmp_path: Path) -> None:
    made, expected = head(2), run(trunk)["features"]

    graph.attach_head(trunk, made, tmp_path / "model.onnx")

    outputs = run(tmp_path / "model.onnx")
    assert list(outputs) == ["logits"]
    np.testing.assert_allclose(outputs["logits"], expected @ made.weight.T + made.bias, rtol=1e-4, atol=1e-2)


def test_attach_head_refuses_a_head_for_another_number_of_features(trunk: Path, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="the head takes 5 features, the trunk makes 4"):
        graph.attach_head(trunk, head(2, features=5), tmp_path / "model.onnx")


def test_attach_head_refuses_a_model_that_has_a_head(trunk: Path, tmp_path: Path) -> None:
    graph.attach_head(trunk, head(2), tmp_path / "model.onnx")

    with pytest.raises(Unsupported, match="this one has logits"):
        graph.attach_head(tmp_path / "model.onnx", head(2), tmp_path / "twice.onnx")


def test_replace_head_gives_the_file_that_attaching_it_would_have_given(trunk: Path, tmp_path: Path) -> None:
    graph.attach_head(trunk, head(2), tmp_path / "first.onnx")
    graph.attach_head(trunk, head(3, seed=9), tmp_path / "wanted.onnx")

    graph.replace_head(tmp_path / "first.onnx", head(3, seed=9), tmp_path / "second.onnx")

    assert (tmp_path / "second.onnx").read_bytes() == (tmp_path / "wanted.onnx").read_bytes()


def test_replace_head_refuses_a_graph_without_one(trunk: Path, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="no node 'head'"):
        graph.replace_head(trunk, head(2), tmp_path / "model.onnx")


def test_expose_features_takes_the_head_and_its_weights_away(trunk: Path, tmp_path: Path) -> None:
    graph.attach_head(trunk, head(2), tmp_path / "model.onnx")

    graph.expose_features(tmp_path / "model.onnx", tmp_path / "features.onnx")

    np.testing.assert_array_equal(run(tmp_path / "features.onnx")["features"], run(trunk)["features"])
    assert graph.artifact_from(tmp_path / "features.onnx", "f", "float", "fp32").outputs == (
        TensorSpec("features", "float32", (None, 4)),
    )
    assert graph.weights_of(graph.read_graph(tmp_path / "features.onnx")).keys() == {"w", "axes"}


def test_expose_features_renames_what_the_head_reads(trunk: Path, tmp_path: Path) -> None:
    graph.attach_head(trunk, head(2), tmp_path / "model.onnx")
    model = graph.read_graph(tmp_path / "model.onnx")
    model.graph.node[-1].input[0] = "doubled"
    model.graph.node.insert(4, helper.make_node("Add", ["features", "features"], ["doubled"]))
    graph.write_graph(model, tmp_path / "doubled.onnx")

    graph.expose_features(tmp_path / "doubled.onnx", tmp_path / "features.onnx")

    np.testing.assert_allclose(run(tmp_path / "features.onnx")["features"], 2 * run(trunk)["features"], rtol=1e-6)


def test_artifact_from_counts_operations_weights_and_leaves_the_batch_open(trunk: Path, tmp_path: Path) -> None:
    graph.attach_head(trunk, head(2), tmp_path / "model.onnx")

    artifact = graph.artifact_from(tmp_path / "model.onnx", "variants/fp32.onnx", "float", "fp32")

    assert artifact.inputs == (TensorSpec("image", "uint8", (None, 8, 6, 3)),)
    assert artifact.outputs == (TensorSpec("logits", "float32", (None, 2)),)
    assert artifact.operations == CONV_OPERATIONS + HEAD_OPERATIONS
    assert artifact.weight_bytes == 4 * (4 * 3 * 3 * 3) + 8 * 2 + 4 * (2 * 4) + 4 * 2
    assert artifact.size_bytes == (tmp_path / "model.onnx").stat().st_size


@pytest.mark.parametrize("place", [1, 2], ids=["height", "width"])
def test_operations_that_depend_on_a_free_size_are_unknown(trunk: Path, tmp_path: Path, place: int) -> None:
    graph.attach_head(trunk, head(2), tmp_path / "model.onnx")
    model = graph.read_graph(tmp_path / "model.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[place].dim_param = "size"
    graph.write_graph(model, tmp_path / "free.onnx")

    artifact = graph.artifact_from(tmp_path / "free.onnx", "variants/fp32.onnx", "float", "fp32")

    assert artifact.operations is None
    assert artifact.weight_bytes > 0


def test_operations_of_a_graph_with_products_that_nothing_counts_are_unknown(tmp_path: Path) -> None:
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 4]) for name in ("x", "y")]
    node = helper.make_node("Einsum", ["x", "x"], ["y"], equation="ij,ij->ij")
    graph.write_graph(helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:])), tmp_path / "m.onnx")
    assert graph.artifact_from(tmp_path / "m.onnx", "m", "float", "fp32").operations is None


def test_written_graphs_tell_nothing_of_the_machine(trunk: Path, tmp_path: Path) -> None:
    assert b"/home/me" in trunk.read_bytes()

    graph.attach_head(trunk, head(2), tmp_path / "model.onnx")

    assert b"/home/me" not in (tmp_path / "model.onnx").read_bytes()


def test_backbone_digest_ignores_the_head_and_sees_every_weight(trunk: Path, tmp_path: Path) -> None:
    graph.attach_head(trunk, head(2), tmp_path / "model.onnx")
    model = graph.read_graph(trunk)
    before = graph.backbone_digest(model)

    assert graph.backbone_digest(graph.read_graph(tmp_path / "model.onnx")) == before
    model.graph.initializer[0].raw_data = bytes(len(model.graph.initializer[0].raw_data))
    assert graph.backbone_digest(model) != before


def test_sort_nodes_puts_producers_first_and_keeps_the_rest_in_order(trunk: Path) -> None:
    model = graph.read_graph(trunk)
    order = [node.op_type for node in model.graph.node]
    shuffled = [model.graph.node[index] for index in (2, 0, 3, 1)]
    del model.graph.node[:]
    model.graph.node.extend(shuffled)

    assert [node.op_type for node in graph.sort_nodes(model).graph.node] == order


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x0a"], ids=["empty", "text", "no graph"])
def test_read_graph_refuses_what_is_no_graph(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)

    with pytest.raises(Unsupported, match="ONNX"):
        graph.read_graph(tmp_path / "model.onnx")


def test_read_graph_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="cannot read model"):
        graph.read_graph(tmp_path / "model.onnx")


def external(trunk: Path, folder: Path) -> Path:
    """The same model with its weights in a file beside it."""
    folder.mkdir()
    onnx.save(
        onnx.load(trunk), folder / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    return folder / "model.onnx"


def test_weights_beside_a_model_are_read_and_written_into_one_file(trunk: Path, tmp_path: Path) -> None:
    split = external(trunk, tmp_path / "split")
    assert graph.keeps_weights_beside(split)

    graph.write_graph(graph.read_graph(split), tmp_path / "whole.onnx")

    assert not graph.keeps_weights_beside(tmp_path / "whole.onnx")
    np.testing.assert_array_equal(run(tmp_path / "whole.onnx")["features"], run(trunk)["features"])


def test_a_model_with_weights_beside_it_is_not_described_as_one_file(trunk: Path, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="keeps weights in other files; save it as one file"):
        graph.artifact_from(external(trunk, tmp_path / "split"), "f", "float", "fp32")


def test_hash_of_a_model_follows_the_weights_beside_it(trunk: Path, tmp_path: Path) -> None:
    split = external(trunk, tmp_path / "split")
    before = graph.whole_sha256(split)
    weights = split.with_name("weights.bin")
    weights.write_bytes(bytes(weights.stat().st_size))
    assert graph.whole_sha256(split) != before


def test_read_graph_refuses_a_model_whose_weights_are_gone(trunk: Path, tmp_path: Path) -> None:
    split = external(trunk, tmp_path / "split")
    split.with_name("weights.bin").unlink()
    with pytest.raises(Unsupported, match=r"model\.onnx"):
        graph.read_graph(split)


def test_the_head_has_one_product_though_a_stream_goes_around_every_block() -> None:
    nodes = [
        helper.make_node("MatMul", ["image", "w"], ["first"], "first"),
        helper.make_node("Add", ["image", "first"], ["stream"], "around_first"),
        helper.make_node("MatMul", ["stream", "w"], ["second"], "second"),
        helper.make_node("Add", ["stream", "second"], ["sum"], "around_second"),
        helper.make_node("Relu", ["sum"], ["out"], "relu"),
    ]
    values = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 4]) for name in ("image", "out", "stream")
    ]
    weight = numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")
    model = helper.make_model(helper.make_graph(nodes, "blocks", values[:1], values[1:2], [weight]))
    assert graph.head_nodes(model) == {"second", "around_second", "relu"}
    model.graph.output.append(values[2])
    assert graph.head_nodes(model) == {"first", "around_first", "second", "around_second", "relu"}
