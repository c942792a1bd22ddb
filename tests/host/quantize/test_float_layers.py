"""What is left in float stays in float, in ONNX Runtime, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.host.graph import read_graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.float_layers import with_own_steps
from edgetl.host.quantize.rules import remarks
from edgetl.plugins import BACKENDS, RENDERINGS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array

ON_CPUS = ("x86-vnni", "x86", "arm")
CHANNELS = 8
SPREAD = np.logspace(0, -3, CHANNELS)
"""How large the weights of each channel are."""
STEP = 5e-5


@dataclass(frozen=True)
class Layer:
    """A layer with channels of very different weights."""

    kind: str
    shape: tuple[int, ...]
    """Of its weights."""
    input: tuple[int, ...]
    axis: int = 0
    """Of the weights, along which the outputs lie."""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def weights(self) -> Array:
        along = [1] * len(self.shape)
        along[self.axis] = CHANNELS
        return (np.random.default_rng(0).normal(size=self.shape) * SPREAD.reshape(along)).astype(np.float32)


LAYERS = {
    "convolution": Layer("Conv", (CHANNELS, 4, 3, 3), (1, 4, 6, 6)),
    "depthwise convolution": Layer("Conv", (CHANNELS, 1, 3, 3), (1, CHANNELS, 6, 6), attributes={"group": CHANNELS}),
    "transposed convolution": Layer("ConvTranspose", (4, CHANNELS, 3, 3), (1, 4, 6, 6), axis=1),
    "Gemm": Layer("Gemm", (4, CHANNELS), (16, 4), axis=1),
    "Gemm, transposed weights": Layer("Gemm", (CHANNELS, 4), (16, 4), attributes={"transB": 1}),
    "Gemm, transposed input": Layer("Gemm", (4, CHANNELS), (4, 16), axis=1, attributes={"transA": 1}),
    "product and sum": Layer("MatMul", (4, CHANNELS), (16, 4), axis=1),
}


def mixed(layer: Layer) -> onnx.ModelProto:
    """A layer in float between two activations in 8 bits, of which the second one tells the smallest channel."""
    constants = {
        "step": np.float32(0.05),
        "fine": np.float32(STEP),
        "zero": np.uint8(128),
        "weights": layer.weights(),
        "biases": np.linspace(-0.1, 0.1, CHANNELS, dtype=np.float32) * SPREAD.astype(np.float32),
    }
    is_product = layer.kind == "MatMul"
    reads = ["dequantized", "weights", *([] if is_product else ["biases"])]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["quantized"]),
        helper.make_node("DequantizeLinear", ["quantized", "step", "zero"], ["dequantized"]),
        helper.make_node(layer.kind, reads, ["product" if is_product else "y"], "layer", **layer.attributes),
        *([helper.make_node("Add", ["product", "biases"], ["y"], "sum")] if is_product else []),
        helper.make_node("QuantizeLinear", ["y", "fine", "zero"], ["z_quantized"]),
        helper.make_node("DequantizeLinear", ["z_quantized", "fine", "zero"], ["z"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, layer.input)
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, list("nchw")[: len(layer.input)])
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "mixed", [x], [z], tensors)
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


def computed(model: onnx.ModelProto, layer: Layer, optimised: bool = True) -> Array:
    """Of the smallest channel."""
    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).normal(size=layer.input).astype(np.float32)
    (z,) = session.run(["z"], {"x": x})
    return np.asarray(z)[:, -1]


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_a_layer_in_float_computes_in_float(layer: Layer) -> None:
    model = mixed(layer)
    expected = computed(model, layer, optimised=False)
    changed = with_own_steps(model)
    onnx.checker.check_model(changed, full_check=True)
    np.testing.assert_array_equal(computed(changed, layer, optimised=False), expected)
    assert expected.std() > 5 * STEP
    np.testing.assert_allclose(computed(changed, layer), expected, atol=1.01 * STEP)


@pytest.mark.parametrize("kind", ["convolution", "depthwise convolution", "transposed convolution", "Gemm"])
def test_onnx_runtime_would_quantize_it(kind: str) -> None:
    """Where this fails, ONNX Runtime has become better, and there may be nothing to keep layers from."""
    model = mixed(LAYERS[kind])
    expected = computed(model, LAYERS[kind], optimised=False)
    assert np.abs(computed(model, LAYERS[kind]) - expected).max() > expected.std()


def test_what_reads_one_channel_is_left_as_it_is() -> None:
    layer = Layer("Conv", (CHANNELS, 1, 3, 3), (1, 1, 6, 6))
    model = mixed(layer)
    before = model.SerializeToString()
    assert with_own_steps(model).SerializeToString() == before


@pytest.mark.parametrize("rendering", ON_CPUS)
def test_another_reader_of_the_same_integers_keeps_its_one_step(rendering: str) -> None:
    layer = LAYERS["convolution"]
    model = mixed(layer)
    model.graph.node.append(helper.make_node("Relu", ["dequantized"], ["other"]))
    model.graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, list("nchw")))
    assert any("with one step" in remark for remark in remarks(model, rendering))
    changed = with_own_steps(model)
    assert not any("with one step" in remark for remark in remarks(changed, rendering))
    (relu,) = (node for node in changed.graph.node if node.op_type == "Relu")
    assert relu.input[0] == "dequantized"


def depthwise_network(path: Path) -> Path:
    """Three convolutions; the second is depthwise, with channels of very different weights."""
    rng = np.random.default_rng(2)
    constants = {
        "first": rng.normal(size=(CHANNELS, 3, 1, 1)) / SPREAD.reshape(-1, 1, 1, 1),
        "depthwise": rng.uniform(0.5, 1, size=(CHANNELS, 1, 3, 3)) * SPREAD.reshape(-1, 1, 1, 1) / 9,
        "last": rng.normal(size=(4, CHANNELS, 1, 1)),
    }
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["a"], "first"),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("Conv", ["b", "depthwise"], ["c"], "depthwise", group=CHANNELS, pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["c", "last"], ["y"], "last"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 8, 8])
    graph = helper.make_graph(nodes, "network", [x], [y], tensors)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@pytest.mark.parametrize("rendering", ["x86-vnni", "x86"])
def test_mixed_precision_runs_the_layers_that_it_names_in_float(rendering: str, tmp_path: Path) -> None:
    model, out = depthwise_network(tmp_path / "float.onnx"), tmp_path / "mixed.onnx"
    feeds = [{"x": np.random.default_rng(n).normal(size=(1, 3, 8, 8)).astype(np.float32)} for n in range(24)]
    settings = RenderSettings(keep_float=frozenset({"depthwise"}))
    find(RENDERINGS, rendering, "rendering").render(model, calibrate(model, feeds), out, settings)
    profile = find(BACKENDS, "onnxruntime", "runtime").profile(out, LoadOptions(threads=1), feeds[:1], 2)
    kinds = [layer.kind for layer in profile.layers]
    assert kinds.count("Conv") == 1, kinds
    assert not any("with one step" in remark for remark in remarks(read_graph(out), rendering))
