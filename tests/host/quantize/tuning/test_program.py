"""Whole Q/DQ graphs compute in torch what ONNX Runtime computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from gain import signal_to_noise_db
from onnx import helper, numpy_helper

from edgetl.host.graph import read_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.masters import masters_of
from edgetl.host.quantize.tuning.program import Program
from edgetl.host.quantize.tuning.tune import tune
from edgetl.plugins import RENDERINGS, find
from edgetl.tensors import Array

CLOSE_DB = 40.0
"""A sum that lies between two steps goes one way here and another there, and is off by a step of 256."""


def compared(model: Path, images: tuple[Array, ...]) -> float:
    wanted = collect(Engine(model, "onnxruntime"), images, 1)
    got = Program(read_graph(model), wanted)({"image": torch.from_numpy(np.stack(images))})
    ratios = [signal_to_noise_db(wanted[name], got[name].detach().numpy()) for name in wanted]
    return min(np.inf if ratio is None else ratio for ratio in ratios)


@pytest.mark.parametrize("rendering", ["x86-vnni", "x86", "arm", "tensorrt"])
def test_a_convolutional_graph_agrees(rendering: str, rendered, strangers: tuple[Array, ...]) -> None:  # type: ignore[no-untyped-def]
    assert compared(rendered(rendering).quantized, strangers) > CLOSE_DB


def test_the_float_graph_agrees(rendered, strangers: tuple[Array, ...]) -> None:  # type: ignore[no-untyped-def]
    assert compared(rendered("x86").original, strangers) > 100


def test_a_second_output_that_nothing_reads_need_not_be_made() -> None:
    nodes = [
        helper.make_node("Dropout", ["x"], ["same", "mask"], "dropout"),
        helper.make_node("Relu", ["same"], ["y"], "relu"),
    ]
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 3]) for name in "xy"]
    model = helper.make_model(helper.make_graph(nodes, "dropout", values[:1], values[1:]))

    found = Program(model, ("y",))({"x": torch.tensor([[1.0, -2.0, 3.0]])})

    assert found["y"].tolist() == [[1.0, 0.0, 3.0]]


@pytest.mark.parametrize("rendering", ["x86-vnni", "tensorrt"])
def test_a_transformer_agrees(rendering: str, tmp_path: Path, pupils: tuple[Array, ...]) -> None:
    model, out = tmp_path / "transformer.onnx", tmp_path / "quantized.onnx"
    onnx.save(transformer(), model)
    record = calibrate(model, pupils)
    find(RENDERINGS, rendering, "rendering").render(model, record, out, RenderSettings(frozenset({"head"})))

    assert any(node.op_type == "QuantizeLinear" for node in read_graph(out).graph.node)
    assert compared(out, pupils[:8]) > CLOSE_DB


def test_the_constant_that_a_sum_adds_to_a_product_is_its_bias(tmp_path: Path, pupils: tuple[Array, ...]) -> None:
    model, quantized = tmp_path / "transformer.onnx", tmp_path / "quantized.onnx"
    onnx.save(transformer(), model)
    settings = RenderSettings(frozenset({"head"}))
    find(RENDERINGS, "x86", "rendering").render(model, calibrate(model, pupils), quantized, settings)
    before = {one.name: numpy_helper.to_array(one) for one in read_graph(quantized).graph.initializer}

    biases = {one.constant: one for one in masters_of(read_graph(quantized), read_graph(model)).biases}
    tuned = tune(
        model, quantized, pupils, tmp_path / "tuned.onnx", TuneSettings(budget_s=600, steps=4, clock=lambda: 0)
    )

    steps = before["up.bias_quantized"] * before["up.bias_scale"]
    np.testing.assert_allclose(biases["up.bias_quantized"].given().detach().numpy(), steps, rtol=1e-6)
    assert "up.bias_quantized" in tuned.changed


def transformer() -> onnx.ModelProto:
    """Patches, one head of attention, a hidden layer with GELU by Erf, mean over tokens."""
    rng, width = np.random.default_rng(3), 16
    constants = {
        "centre": np.full((1, 3, 1, 1), 127.5),
        "inverse": np.full((1, 3, 1, 1), 1 / 64),
        "patch": rng.normal(size=(width, 3, 8, 8)) / 14,
        "gain": np.ones(width),
        "shift": np.zeros(width),
        "qkv": rng.normal(size=(width, 3 * width)) / 4,
        "root": np.array(0.25),
        "up": rng.normal(size=(width, 2 * width)) / 4,
        "up.bias": rng.normal(size=2 * width) / 4,
        "down": rng.normal(size=(2 * width, width)) / 4,
        "sqrt2": np.sqrt(np.array(2.0)),
        "one": np.array(1.0),
        "half": np.array(0.5),
        "head.weight": rng.normal(size=(4, width)),
        "head.bias": np.zeros(4),
    }
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    numbers = {"flat": [0, width, -1], "thirds": [width] * 3}
    tensors += [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in numbers.items()]
    layers = (
        ("Cast", "image", "float", {"to": onnx.TensorProto.FLOAT}),
        ("Transpose", "float", "nchw", {"perm": [0, 3, 1, 2]}),
        ("Sub", "nchw centre", "centred", {}), ("Mul", "centred inverse", "normal", {}),
        ("Conv", "normal patch", "patches", {"strides": [8, 8]}), ("Reshape", "patches flat", "rows", {}),
        ("Transpose", "rows", "x", {"perm": [0, 2, 1]}), ("LayerNormalization", "x gain shift", "n", {"axis": -1}),
        ("MatMul", "n qkv", "all", {}), ("Split", "all thirds", "q k v", {"axis": -1}),
        ("Transpose", "k", "kt", {"perm": [0, 2, 1]}), ("MatMul", "q kt", "scores", {}),
        ("Mul", "scores root", "scaled", {}), ("Softmax", "scaled", "p", {"axis": -1}),
        ("MatMul", "p v", "mixed", {}), ("Add", "x mixed", "y", {}),
        ("LayerNormalization", "y gain shift", "m", {"axis": -1}), ("MatMul", "m up", "h", {}),
        ("Add", "h up.bias", "hb", {}), ("Div", "hb sqrt2", "hs", {}), ("Erf", "hs", "e", {}),
        ("Add", "e one", "e1", {}), ("Mul", "hb e1", "g", {}), ("Mul", "g half", "gelu", {}),
        ("MatMul", "gelu down", "d", {}), ("Add", "y d", "z", {}),
        ("ReduceMean", "z", "features", {"keepdims": 0, "axes": [1]}),
        ("Gemm", "features head.weight head.bias", "logits", {"transB": 1}),
    )  # fmt: skip
    nodes = [
        helper.make_node(kind, reads.split(), writes.split(), "head" if kind == "Gemm" else f"{kind}_{place}", **more)
        for place, (kind, reads, writes, more) in enumerate(layers)
    ]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", 48, 48, 3])
    logits = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["N", 4])
    whole = helper.make_graph(nodes, "transformer", [image], [logits], tensors)
    return helper.make_model(whole, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])
