"""Promises of :mod:`edgetl.host.quantize.straight`: the same outputs, from the bytes as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from onnx import helper, numpy_helper

from edgetl.host import graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.coverage import coverage
from edgetl.host.quantize.rules.view import View
from edgetl.host.quantize.saturation.bounds import proven_for
from edgetl.host.quantize.saturation.executor import collect
from edgetl.host.quantize.straight import straight_in
from edgetl.host.quantize.tuning.masters import masters_of
from edgetl.host.quantize.x86 import RENDERING
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array

Network: TypeAlias = "Callable[..., Path]"
SETTINGS = RenderSettings(frozenset({"head"}))
SIDE = 16


@pytest.fixture
def images() -> Array:
    """Twenty of all brightnesses, uint8 (20, 16, 16, 3)."""
    return np.random.default_rng(0).integers(0, 256, (20, SIDE, SIDE, 3), np.uint8)


@pytest.fixture
def network(tmp_path: Path) -> Network:
    """Writes a network whose channels are all normalised alike, unless it is told otherwise."""

    def make(
        mean: Any = 127.5, inverse: Any = 1 / 127.5, layout: str = "nhwc", pads: int = 1, others: bool = False
    ) -> Path:
        rng = np.random.default_rng(1)
        constants = {
            "mean": np.broadcast_to(mean, 3).reshape(1, 3, 1, 1),
            "inverse": np.broadcast_to(inverse, 3).reshape(1, 3, 1, 1),
            "w": rng.normal(size=(8, 3, 3, 3)) / 5,
            "b": rng.normal(size=8),
            "zero": np.array(0.0),
            "six": np.array(6.0),
            "head.weight": rng.normal(size=(2, 8 + 3 * others)),
            "head.bias": rng.normal(size=2),
        }
        tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
        tensors.append(numpy_helper.from_array(np.array([2, 3]), "axes"))
        is_turned = layout == "nhwc"
        nodes = [
            helper.make_node("Cast", ["image"], ["float"], "cast", to=onnx.TensorProto.FLOAT),
            *([helper.make_node("Transpose", ["float"], ["nchw"], "turn", perm=[0, 3, 1, 2])] if is_turned else []),
            helper.make_node("Sub", ["nchw" if is_turned else "float", "mean"], ["centred"], "sub"),
            helper.make_node("Mul", ["centred", "inverse"], ["normal"], "mul"),
            helper.make_node("Conv", ["normal", "w", "b"], ["conv"], "conv", pads=[pads] * 4, kernel_shape=[3, 3]),
            helper.make_node("Clip", ["conv", "zero", "six"], ["clip"], "relu6"),
            helper.make_node("ReduceMean", ["clip", "axes"], ["features"], "mean", keepdims=0),
        ]
        if others:
            nodes.append(helper.make_node("ReduceMean", ["normal", "axes"], ["light"], "light", keepdims=0))
            nodes.append(helper.make_node("Concat", ["features", "light"], ["all"], "concat", axis=1))
        head = ["all" if others else "features", "head.weight", "head.bias"]
        nodes.append(helper.make_node("Gemm", head, ["logits"], "head", transB=1))
        shape = ["n", SIDE, SIDE, 3] if is_turned else ["n", 3, SIDE, SIDE]
        made = helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, shape)],
            [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", 2])],
            tensors,
        )
        path = tmp_path / "float.onnx"
        onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
        return path

    return make


def run(model: Path, images: Array, runtime: str = "onnxruntime") -> Array:
    backend = find(BACKENDS, runtime, "runtime")
    options = LoadOptions(threads=1, precision="int8", batch=len(images))
    runner = backend.load(backend.build(model, options, None), options)
    logits: Array = runner.infer({"image": images})["logits"]
    runner.close()
    return logits


def rendered(network: Path, images: Array, out: Path, settings: RenderSettings = SETTINGS) -> onnx.ModelProto:
    RENDERING.render(network, calibrate(network, images), out, settings)
    return graph.read_graph(out)


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("mean", [127.5, 128.0, 0.0, 255.0], ids=str)
def test_outputs_are_those_of_the_float_network(
    network: Network, images: Array, tmp_path: Path, mean: float, runtime: str
) -> None:
    path = network(mean)
    model = rendered(path, images, tmp_path / "int8.onnx")
    assert "BatchNormalization" not in kinds(model)
    assert not any(node.op_type == "QuantizeLinear" and "normal" in node.input for node in model.graph.node)
    wanted = run(path, images)
    np.testing.assert_allclose(run(tmp_path / "int8.onnx", images, runtime), wanted, atol=0.02 * np.ptp(wanted))


def test_nothing_is_lost_between_the_image_and_the_first_layer(network: Network, images: Array, tmp_path: Path) -> None:
    """With a mean that is a byte, what the layer reads is what the float network normalises, but for float32."""
    model = rendered(network(128.0, 1 / 64), images, tmp_path / "int8.onnx")
    model.graph.output.append(helper.make_tensor_value_info("normal", onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (normal,) = session.run(["normal"], {"image": images})
    np.testing.assert_array_equal(normal, (np.moveaxis(images, 3, 1).astype(np.float32) - 128) / 64)


def test_a_mean_between_two_bytes_is_in_the_bias(network: Network, images: Array, tmp_path: Path) -> None:
    path = network(127.5, pads=0)
    model = rendered(path, images, tmp_path / "int8.onnx", RenderSettings(frozenset({"head"}), treatments=()))
    view = View.of(model)
    conv = next(view.nodes("Conv"))
    weight, bias = (view.dequantizer(name) for name in conv.input[1:])
    assert weight is not None
    assert bias is not None
    integers, scale = view.array(weight.input[0]), view.array(weight.input[1])
    sums, unit = view.array(bias.input[0]), view.array(bias.input[1])
    assert integers is not None and scale is not None and sums is not None and unit is not None  # noqa: PT018
    np.testing.assert_allclose(unit, np.float32(1 / 127.5) * scale, rtol=1e-6)
    own = numpy_helper.to_array(graph.weights_of(graph.read_graph(path))["b"])
    shifted = own + (0.5 / 127.5) * integers.reshape(8, -1).astype(np.float64).sum(axis=1) * scale
    np.testing.assert_allclose(sums * unit, shifted, atol=2 * float(unit.max()))


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_the_image_goes_into_the_first_layer(network: Network, images: Array, tmp_path: Path, layout: str) -> None:
    """In ONNX Runtime's own graph, and with an integer kernel in OpenVINO."""
    given = images if layout == "nhwc" else np.ascontiguousarray(np.moveaxis(images, 3, 1))
    model = rendered(network(layout=layout), given, tmp_path / "int8.onnx")
    assert kinds(model)[:2] == ["DequantizeLinear", *(["Transpose"] if layout == "nhwc" else ["DequantizeLinear"])]
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(tmp_path / "int8.onnx", options, providers=["CPUExecutionProvider"])
    optimised = onnx.load(tmp_path / "optimised.onnx")
    first = next(node for node in optimised.graph.node if node.op_type == "QLinearConv")
    made = {name: node for node in optimised.graph.node for name in node.output}
    way = first.input[0]
    while way != "image":
        assert made[way].op_type == "Transpose"
        way = made[way].input[0]

    core = openvino.Core()
    opened = core.read_model(tmp_path / "int8.onnx")
    opened.reshape([1, *given.shape[1:]])
    compiled = core.compile_model(opened, "CPU", {"PERF_COUNT": True})
    request = compiled.create_infer_request()
    request.infer({"image": given[:1]})
    layer = next(one for one in request.get_profiling_info() if one.node_type == "Convolution")
    assert layer.exec_type.endswith(("_I8", "_i8"))


@pytest.mark.parametrize(
    "how",
    [
        {"mean": [123.7, 116.3, 103.5]},
        {"inverse": [0.017, 0.018, 0.0175]},
        {"mean": -20.0},
        {"mean": 300.0},
        {"others": True},
    ],
    ids=["means differ", "deviations differ", "a mean below bytes", "a mean above bytes", "read in float, too"],
)
def test_what_is_not_the_image_itself_is_normalised_as_before(
    network: Network, images: Array, tmp_path: Path, how: dict[str, Any]
) -> None:
    path = network(**how)
    model = rendered(path, images, tmp_path / "int8.onnx")
    assert "Cast" in kinds(model)
    assert not straight_in(model)
    wanted = run(path, images)
    np.testing.assert_allclose(run(tmp_path / "int8.onnx", images), wanted, atol=0.02 * np.ptp(wanted))


def test_the_layer_still_counts_as_one_on_integers_and_is_emulated(
    network: Network, images: Array, tmp_path: Path
) -> None:
    model = rendered(network(), images, tmp_path / "int8.onnx")
    assert coverage(model).quantized == ("conv",)
    assert {"avx2", "avx512_vnni"} <= set(proven_for(model))
    emulated = collect(tmp_path / "int8.onnx", list(images), "avx2")["logits"]
    np.testing.assert_allclose(emulated, run(tmp_path / "int8.onnx", images), atol=1e-5)


def test_the_layer_can_be_trained(network: Network, images: Array, tmp_path: Path) -> None:
    path = network()
    model = rendered(path, images, tmp_path / "int8.onnx")
    masters = masters_of(model, graph.read_graph(path))
    assert [len(masters.weights), len(masters.biases)] == [1, 1]


def test_a_turned_tensor_is_not_taken_for_the_one_before_it(network: Network, images: Array, tmp_path: Path) -> None:
    """Who puts another tensor in its place must not lose the Transpose, and turned weights are no activation."""
    model = rendered(network(), images, tmp_path / "int8.onnx")
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    model.graph.node.append(helper.make_node("Transpose", [conv.input[1]], ["turned"], perm=[1, 0, 2, 3]))
    view = View.of(model)
    origin = view.origin(conv.input[0])
    assert origin is not None
    assert origin.input[0] == "image"
    assert view.dequantizer(conv.input[0]) is None
    assert view.origin("turned") is None


def test_a_first_layer_in_float_is_left_alone(network: Network, images: Array, tmp_path: Path) -> None:
    path = network()
    model = graph.read_graph(path)
    assert not straight_in(model)
    assert model == graph.read_graph(path)
