"""A batch normalisation that export left becomes part of the layer before it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host import graph
from edgetl.host.quantize.treatments import treat
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array

NAMES = ("fold-normalisation",)
IMAGES = np.random.default_rng(3).integers(0, 256, (4, 6, 6, 3), np.uint8)


def normalised(path: Path) -> Path:
    """Two convolutions with the same weights and no bias, each with a normalisation of its own, and a Gemm with one."""
    rng = np.random.default_rng(0)
    values = {"w": rng.normal(size=(3, 3, 3, 3)) / 50, "dense": rng.normal(size=(3, 5)), "bias": rng.normal(size=5)}
    for name, width in (("one", 3), ("two", 3), ("three", 5)):
        values |= {f"{name}.{part}": rng.normal(size=width) for part in ("scale", "shift", "mean")}
        values[f"{name}.variance"] = rng.uniform(0.5, 2, width)
    constants = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in values.items()]

    def norm(name: str, x: str, out: str) -> onnx.NodeProto:
        parts = [f"{name}.{part}" for part in ("scale", "shift", "mean", "variance")]
        return helper.make_node("BatchNormalization", [x, *parts], [out], name, epsilon=1e-3)

    nodes = [
        helper.make_node("Cast", ["image"], ["float"], "cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["nchw"], "transpose", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "w"], ["a"], "conv_1", pads=[1] * 4),
        norm("one", "a", "b"),
        helper.make_node("Conv", ["b", "w"], ["c"], "conv_2", pads=[1] * 4),
        norm("two", "c", "d"),
        helper.make_node("GlobalAveragePool", ["d"], ["e"], "pool"),
        helper.make_node("Flatten", ["e"], ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "dense", "bias"], ["g"], "gemm", beta=0.5),
        norm("three", "g", "h"),
    ]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", 6, 6, 3])
    out = helper.make_tensor_value_info("h", onnx.TensorProto.FLOAT, ["N", 5])
    made = helper.make_graph(nodes, "normalised", [image], [out], constants)
    onnx.save(helper.make_model(made, ir_version=10, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


def run(path: Path) -> Array:
    runner = find(BACKENDS, "onnxruntime", "runtime").load(path, LoadOptions(threads=1, batch=None))
    outputs: Array = next(iter(runner.infer({"image": IMAGES}).values()))
    return outputs


def test_normalisations_are_folded_and_nothing_changes(tmp_path: Path) -> None:
    model = normalised(tmp_path / "model.onnx")

    changed = treat(model, NAMES, (), tmp_path / "folded.onnx")

    assert changed == {"fold-normalisation": ("conv_1", "conv_2", "gemm")}
    kinds = {node.op_type for node in graph.read_graph(tmp_path / "folded.onnx").graph.node}
    assert "BatchNormalization" not in kinds
    np.testing.assert_allclose(run(tmp_path / "folded.onnx"), run(model), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("reader", ["Relu", "Sigmoid"])
def test_a_layer_that_another_node_reads_too_keeps_its_normalisation(reader: str, tmp_path: Path) -> None:
    model = graph.read_graph(normalised(tmp_path / "model.onnx"))
    model.graph.node.append(helper.make_node(reader, ["a"], ["other"], "other"))
    model.graph.output.append(helper.make_tensor_value_info("other", onnx.TensorProto.FLOAT, ["N", 3, 6, 6]))
    graph.write_graph(model, tmp_path / "model.onnx")

    changed = treat(tmp_path / "model.onnx", NAMES, (), tmp_path / "folded.onnx")

    assert changed == {"fold-normalisation": ("conv_2", "gemm")}
    np.testing.assert_allclose(run(tmp_path / "folded.onnx"), run(tmp_path / "model.onnx"), rtol=1e-4, atol=1e-4)
