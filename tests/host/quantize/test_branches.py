"""A network with an If, whose branches take constants and activations from the graph around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host.graph import read_graph
from edgetl.host.naming import names_read
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.saturation.executor import EmulatedRunner
from edgetl.host.quantize.treatments import treat
from edgetl.plugins import BACKENDS, RENDERINGS, find
from edgetl.runner import LoadOptions, Runner
from edgetl.tensors import Array, Feed


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two layers with the If in between; its branches read what the first layer makes, and a constant each."""
    rng = np.random.default_rng(0)
    constants: dict[str, Array] = {
        **{"w": rng.normal(size=(4, 3, 3, 3)) / 4, "w2": rng.normal(size=(4, 4, 3, 3)) / 4, "b": np.zeros(4)},
        **{"scale": np.array([1, 2, 3, 4]), "shift": np.array([1, 0.5, 0.2, 0.1]), "mean": np.zeros(4)},
        **{"variance": np.ones(4), "zero": np.array(0.0), "six": np.array(6.0), "half": np.array(0.5)},
        **{"gain": np.ones((1, 4, 1, 1)), "offset": np.zeros((1, 4, 1, 1))},
    }
    branches = {
        name: helper.make_graph(
            [helper.make_node(kind, ["relu6", constant], [name], kind)],
            name,
            [],
            [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)],
        )
        for name, kind, constant in (("then_branch", "Mul", "gain"), ("else_branch", "Add", "offset"))
    }
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["conv"], "conv"),
        helper.make_node("BatchNormalization", ["conv", "scale", "shift", "mean", "variance"], ["normal"], "norm"),
        helper.make_node("Clip", ["normal", "zero", "six"], ["relu6"], "clip"),
        helper.make_node("ReduceMean", ["relu6"], ["level"], "level", keepdims=0),
        helper.make_node("Greater", ["level", "half"], ["is_bright"], "greater"),
        helper.make_node("If", ["is_bright"], ["branched"], "if", **branches),
        helper.make_node("Conv", ["branched", "w2"], ["y"], "conv2"),
    ]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 8, 8])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4, 4, 4])
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "branches", [x], [y], tensors)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "model.onnx"
    )
    return tmp_path / "model.onnx"


@pytest.fixture
def feeds() -> tuple[Feed, ...]:
    return tuple({"x": x} for x in np.random.default_rng(1).normal(size=(20, 1, 3, 8, 8)).astype(np.float32))


def outputs(runner: Runner, feeds: tuple[Feed, ...]) -> Array:
    return np.concatenate([runner.infer(dict(feed))["y"] for feed in feeds])


def run(path: Path, feeds: tuple[Feed, ...]) -> Array:
    return outputs(find(BACKENDS, "onnxruntime", "runtime").load(path, LoadOptions(threads=1, batch=None)), feeds)


def loss(found: Array, wanted: Array) -> float:
    return float(np.sqrt(np.mean((found - wanted) ** 2) / np.mean(wanted**2)))


def test_an_if_reads_what_its_branches_take(model: Path) -> None:
    branch = next(node for node in read_graph(model).graph.node if node.op_type == "If")

    assert names_read(branch) == ("is_bright", "relu6", "offset", "gain")


@pytest.mark.parametrize("rendering", ["x86", "fp16"])
@pytest.mark.parametrize("treatments", [(), ("fold-normalisation",)], ids=["as it is", "folded"])
def test_a_rendering_computes_what_the_branches_do(
    rendering: str, treatments: tuple[str, ...], model: Path, feeds: tuple[Feed, ...], tmp_path: Path
) -> None:
    wanted = run(model, feeds)
    treat(model, treatments, feeds, tmp_path / "float.onnx")
    record = calibrate(tmp_path / "float.onnx", feeds)

    entry = find(RENDERINGS, rendering, "rendering")
    entry.render(tmp_path / "float.onnx", record, tmp_path / "out.onnx", RenderSettings())

    assert loss(run(tmp_path / "out.onnx", feeds), wanted) < 0.05


def test_another_cpu_is_emulated_across_branches(model: Path, feeds: tuple[Feed, ...], tmp_path: Path) -> None:
    entry = find(RENDERINGS, "x86-vnni", "rendering")
    entry.render(model, calibrate(model, feeds), tmp_path / "out.onnx", RenderSettings())

    assert loss(outputs(EmulatedRunner(tmp_path / "out.onnx", "vnni"), feeds), run(model, feeds)) < 0.05
