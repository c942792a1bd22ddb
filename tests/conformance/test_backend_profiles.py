"""Every runtime tells what each layer ran in; a new entry of ``BACKENDS`` is tested as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from edgetl.device.bench.executed import COMPUTING, precision_findings
from edgetl.device.probe import environment
from edgetl.errors import BackendError, Unsupported
from edgetl.layers import Layers
from edgetl.plugins import BACKENDS, find
from edgetl.runner import Backend, LoadOptions

CHANNELS, SIDE = 32, 16
KNOWN = {"int8", "bf16", "fp16", "fp32"}


@pytest.fixture(params=list(BACKENDS))
def runtime(request: pytest.FixtureRequest) -> Backend:
    found: Backend = find(BACKENDS, request.param, "runtime")
    availability = found.probe()
    if not availability.available:
        pytest.skip(f"{request.param}: {availability.reason}")
    return found


def write_model(path: Path, quantized: bool, batch_name: str = "N") -> Path:
    """Two convolutions with ReLU, with Q/DQ pairs around them or not."""
    weight = np.random.default_rng(0).normal(size=(CHANNELS, CHANNELS, 3, 3)).astype(np.float32) / 17
    codes = np.round(weight / np.abs(weight).max() * 127).astype(np.int8)
    constants = {
        "weight": weight,
        "weight_codes": codes,
        "weight_scale": np.array(np.abs(weight).max() / 127, np.float32),
        "weight_zero": np.array(0, np.int8),
        "scale": np.array(0.05, np.float32),
        "zero_x": np.array(128, np.uint8),
        "zero_first": np.array(0, np.uint8),
        "zero_second": np.array(0, np.uint8),
    }
    nodes: list[NodeProto] = []

    def pair(tensor: str) -> str:
        if quantized:
            codes_of, values_of = f"{tensor}_codes", f"{tensor}_values"
            nodes.append(helper.make_node("QuantizeLinear", [tensor, "scale", f"zero_{tensor}"], [codes_of]))
            nodes.append(helper.make_node("DequantizeLinear", [codes_of, "scale", f"zero_{tensor}"], [values_of]))
            return values_of
        return tensor

    tensor = "x"
    for name in ("first", "second"):
        kernel = "weight"
        if quantized:
            kernel = f"{name}_weight"
            nodes.append(
                helper.make_node("DequantizeLinear", ["weight_codes", "weight_scale", "weight_zero"], [kernel])
            )
        nodes.append(helper.make_node("Conv", [pair(tensor), kernel], [f"{name}_sum"], name=name, pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"{name}_sum"], [name], name=f"{name}_relu"))
        tensor = name
    nodes.append(helper.make_node("Identity", [pair(tensor)], ["y"]))
    used = {name for node in nodes for name in node.input}
    shape = [batch_name, CHANNELS, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(array, name) for name, array in constants.items() if name in used],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def feeds(count: int = 2) -> tuple[dict[str, np.ndarray], ...]:
    random = np.random.default_rng(1)
    return tuple({"x": random.normal(size=(1, CHANNELS, SIDE, SIDE)).astype(np.float32)} for _ in range(count))


def convolutions(layers: Layers) -> list[str | None]:
    return [layer.precision for layer in layers.layers if layer.kind in COMPUTING]


def test_a_float_model_has_its_convolutions_in_fp32(runtime: Backend, tmp_path: Path) -> None:
    layers = runtime.profile(write_model(tmp_path / "model.onnx", False), LoadOptions(threads=1), feeds(), runs=3)
    assert convolutions(layers) == ["fp32", "fp32"]
    assert (layers.runs, layers.reason) == (3, None)
    assert layers.source
    assert not precision_findings(layers, "fp32", "float")


def test_layers_have_names_known_precisions_and_times(runtime: Backend, tmp_path: Path) -> None:
    layers = runtime.profile(write_model(tmp_path / "model.onnx", False), LoadOptions(threads=1), feeds(), runs=5)
    assert all(layer.name and layer.kind for layer in layers.layers)
    assert {layer.precision for layer in layers.layers} <= {*KNOWN, None}
    assert all(layer.time_ns is not None and layer.time_ns >= 0 for layer in layers.layers)
    assert all(layer.time_ns for layer in layers.layers if layer.kind in COMPUTING)
    assert sum(layers.time_share.values()) == pytest.approx(1)


def test_a_quantized_model_has_its_convolutions_in_int8(runtime: Backend, tmp_path: Path) -> None:
    options = LoadOptions(threads=1, precision="int8")
    layers = runtime.profile(write_model(tmp_path / "model.onnx", True), options, feeds(), runs=3)
    assert convolutions(layers) == ["int8", "int8"]
    assert not precision_findings(layers, "int8", "x86-vnni")


def test_a_float_model_that_should_be_int8_is_found(runtime: Backend, tmp_path: Path) -> None:
    options = LoadOptions(threads=1, precision="int8")
    layers = runtime.profile(write_model(tmp_path / "model.onnx", False), options, feeds(), runs=2)
    (finding,) = precision_findings(layers, "int8", "x86-vnni")
    assert (finding.code, finding.evidence["share"]) == ("W-PRECISION", 0)


def test_every_precision_a_backend_proposes_is_executed(runtime: Backend, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.onnx", False)
    for precision in runtime.precisions("float", environment().cpu.isa):
        layers = runtime.profile(model, LoadOptions(threads=1, precision=precision), feeds(), runs=2)
        assert not precision_findings(layers, precision, "float")


def test_what_was_built_tells_the_same_layers(runtime: Backend, tmp_path: Path) -> None:
    model, options = write_model(tmp_path / "model.onnx", False, "some_batch"), LoadOptions(threads=1)
    built = runtime.build(model, options, tmp_path / "cache")
    ours, plain = (runtime.profile(path, options, feeds(), runs=1) for path in (built, model))
    assert [(layer.name, layer.precision) for layer in ours.layers] == [
        (layer.name, layer.precision) for layer in plain.layers
    ]


def test_profiling_leaves_no_file_behind(runtime: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_model(tmp_path / "model.onnx", False, "some_batch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runtime.profile(model, LoadOptions(threads=1), feeds(), runs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_wrong_feeds_are_refused(runtime: Backend, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.onnx", False)
    with pytest.raises(Unsupported, match="model inputs are x; got z"):
        runtime.profile(model, LoadOptions(threads=1), ({"z": feeds()[0]["x"]},), runs=1)


def test_a_missing_file_is_a_backend_error(runtime: Backend, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"absent\.onnx"):
        runtime.profile(tmp_path / "absent.onnx", LoadOptions(threads=1), feeds(), runs=1)
