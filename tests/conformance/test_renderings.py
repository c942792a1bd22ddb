"""What every quantized rendering promises, over the whole table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host import graph
from edgetl.host.adapt import Head
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.plugins import BACKENDS, RENDERINGS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array, TensorSpec

SIZE = 32
WIDTH = 16
FEATURES = 2 * WIDTH
SETTINGS = RenderSettings(frozenset({"head"}))
MIN_SIGNAL_TO_NOISE_DB = 20


class Network:
    """Builds a graph node by node with seeded weights."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Array) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, *inputs: str, out: str | None = None, **attributes: Any) -> str:
        out = out or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], f"node_{len(self.nodes)}", **attributes))
        return out

    def conv(self, x: str, shape: tuple[int, int, int, int], relu6: bool = True, **attributes: Any) -> str:
        scale = np.sqrt(2 / np.prod(shape[1:]))
        weight = self.constant((self._rng.normal(size=shape) * scale).astype(np.float32))
        bias = self.constant((self._rng.normal(size=shape[0]) / 5).astype(np.float32))
        out = self.node("Conv", x, weight, bias, pads=[shape[2] // 2] * 4, **attributes)
        if relu6:
            limits = [self.constant(np.array(value, np.float32)) for value in (0, 6)]
            out = self.node("Clip", out, *limits)
        return out


def trunk(path: Path) -> None:
    """Normalisation, stem, inverted residual with a depthwise convolution and an Add, two pooled stages."""
    net = Network(seed=0)
    x = net.node("Transpose", net.node("Cast", "image", to=onnx.TensorProto.FLOAT), perm=[0, 3, 1, 2])
    x = net.node("Sub", x, net.constant(np.array([123.7, 116.3, 103.5], np.float32).reshape(1, 3, 1, 1)))
    x = net.node("Mul", x, net.constant(np.array([0.017, 0.018, 0.0175], np.float32).reshape(1, 3, 1, 1)))
    stem = net.conv(x, (WIDTH, 3, 3, 3), strides=[2, 2])
    wide = net.conv(stem, (2 * WIDTH, WIDTH, 1, 1))
    wide = net.conv(wide, (2 * WIDTH, 1, 3, 3), group=2 * WIDTH)
    block = net.node("Add", net.conv(wide, (WIDTH, 2 * WIDTH, 1, 1), relu6=False), stem)
    last = net.conv(block, (WIDTH, WIDTH, 3, 3), strides=[2, 2])
    axes = net.constant(np.array([2, 3]))
    stages = [net.node("ReduceMean", stage, axes, keepdims=0) for stage in (block, last)]
    net.node("Concat", *stages, out="features", axis=1)
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", SIZE, SIZE, 3])
    features = helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["N", FEATURES])
    made = helper.make_graph(net.nodes, "trunk", [image], [features], net.constants)
    graph.write_graph(helper.make_model(made, ir_version=10, opset_imports=[helper.make_opsetid("", 18)]), path)


@pytest.fixture(scope="module")
def images() -> Array:
    rng = np.random.default_rng(1)
    brightness = rng.integers(40, 216, (24, 1, 1, 3))
    return np.clip(rng.normal(brightness, 40, (24, SIZE, SIZE, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("float")
    trunk(folder / "trunk.onnx")
    weight = np.random.default_rng(2).normal(size=(3, FEATURES)).astype(np.float32)
    graph.attach_head(folder / "trunk.onnx", Head(weight, np.zeros(3, np.float32)), folder / "model.onnx")
    return folder / "model.onnx"


@pytest.fixture(scope="module")
def record(model: Path, images: Array) -> CalibrationRecord:
    return calibrate(model, images[:16])


@pytest.fixture(scope="module", params=RENDERINGS)
def rendering(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def rendered(rendering: str, model: Path, record: CalibrationRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("quantized") / "model.onnx"
    find(RENDERINGS, rendering, "rendering").render(model, record, out, SETTINGS)
    return out


def run(path: Path, images: Array, batch: int | None = None) -> Array:
    runner = find(BACKENDS, "onnxruntime", "runtime").load(path, LoadOptions(threads=1, batch=batch))
    outputs: Array = next(iter(runner.infer({"image": images}).values()))
    return outputs


def test_the_entry_knows_its_name(rendering: str) -> None:
    assert find(RENDERINGS, rendering, "rendering").name == rendering


def test_the_graph_is_valid_and_still_takes_a_batch_of_uint8_images(rendered: Path) -> None:
    onnx.checker.check_model(str(rendered), full_check=True)

    artifact = graph.artifact_from(rendered, "model.onnx", "any", "int8")
    assert artifact.inputs == (TensorSpec("image", "uint8", (None, SIZE, SIZE, 3)),)
    assert artifact.outputs == (TensorSpec("logits", "float32", (None, 3)),)


def test_the_image_is_read_by_a_cast_to_float_alone(rendered: Path) -> None:
    readers = [node for node in graph.read_graph(rendered).graph.node if "image" in node.input]

    assert [node.op_type for node in readers] == ["Cast"]


def test_outputs_stay_near_those_of_the_float_graph(rendered: Path, model: Path, images: Array) -> None:
    wanted, got = run(model, images[16:]), run(rendered, images[16:])

    assert wanted.shape == got.shape
    assert 10 * np.log10(np.sum(wanted**2) / np.sum((wanted - got) ** 2)) > MIN_SIGNAL_TO_NOISE_DB


def test_every_batch_size_gives_the_same(rendered: Path, images: Array) -> None:
    one_by_one = np.concatenate([run(rendered, image[None], batch=1) for image in images[16:]])

    np.testing.assert_allclose(run(rendered, images[16:]), one_by_one, rtol=0.05, atol=0.05)


def test_the_head_keeps_its_float_weights(rendered: Path, model: Path) -> None:
    quantized, original = (graph.weights_of(graph.read_graph(path)) for path in (rendered, model))

    for name in ("head.weight", "head.bias"):
        assert quantized[name].SerializeToString() == original[name].SerializeToString()


def test_the_head_can_be_exchanged_and_features_taken_out(rendered: Path, images: Array, tmp_path: Path) -> None:
    head = Head(np.eye(2, FEATURES, dtype=np.float32), np.array([1, -1], np.float32))

    graph.replace_head(rendered, head, tmp_path / "refit.onnx")
    graph.expose_features(rendered, tmp_path / "features.onnx")

    features = run(tmp_path / "features.onnx", images)
    assert features.shape == (len(images), FEATURES)
    np.testing.assert_allclose(run(tmp_path / "refit.onnx", images), features[:, :2] + head.bias, rtol=1e-4, atol=1e-4)


def test_every_convolution_has_int8_weights_and_counts_as_many_operations(rendered: Path, model: Path) -> None:
    before, after = (graph.artifact_from(path, "model.onnx", "any", "int8") for path in (model, rendered))
    nodes = graph.read_graph(rendered).graph.node
    dequantized = {node.output[0] for node in nodes if node.op_type == "DequantizeLinear"}

    assert all(node.input[1] in dequantized for node in nodes if node.op_type == "Conv")
    assert after.operations == before.operations
    assert after.weight_bytes < before.weight_bytes / 2


def test_equal_arguments_give_equal_bytes(
    rendering: str, rendered: Path, model: Path, record: CalibrationRecord, tmp_path: Path
) -> None:
    find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "again.onnx", SETTINGS)

    assert (tmp_path / "again.onnx").read_bytes() == rendered.read_bytes()


def test_nothing_is_printed_or_logged(
    rendering: str,
    model: Path,
    record: CalibrationRecord,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "quiet.onnx", SETTINGS)

    assert capfd.readouterr() == ("", "")
    assert not caplog.records
