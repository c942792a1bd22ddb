"""Linear layers of tokens, which exporters write as a product and a sum, are computed on integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.host.graph import read_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.integer_sums import integer_sums
from edgetl.host.quantize.opset import raised_opset
from edgetl.host.quantize.rules import remarks
from edgetl.host.quantize.rules.view import View
from edgetl.plugins import BACKENDS, RENDERINGS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array

WIDTH = 16
ON_CPUS = ("x86-vnni", "x86", "arm")


def two_layers(path: Path, length: int | str = 12, **changed: Array) -> Path:
    """Two linear layers of tokens with a ReLU between, and the mean of all tokens."""
    rng = np.random.default_rng(4)
    constants = {
        "up": rng.normal(size=(WIDTH, 2 * WIDTH)) / 4,
        "up.bias": rng.normal(size=2 * WIDTH),
        "down": rng.normal(size=(2 * WIDTH, WIDTH)) / 6,
        "down.bias": rng.normal(size=WIDTH),
    } | changed
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    nodes = [
        helper.make_node("MatMul", ["tokens", "up"], ["u"], "up"),
        helper.make_node("Add", ["u", "up.bias"], ["ub"], "up_sum"),
        helper.make_node("Relu", ["ub"], ["a"], "relu"),
        helper.make_node("MatMul", ["a", "down"], ["d"], "down"),
        helper.make_node("Add", ["down.bias", "d"], ["db"], "down_sum"),
        helper.make_node("ReduceMean", ["db"], ["embedding"], "mean", axes=[1], keepdims=0),
    ]
    tokens = helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["batch", length, WIDTH])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH])
    graph = helper.make_graph(nodes, "layers", [tokens], [embedding], tensors)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def samples(count: int = 24) -> list[dict[str, Array]]:
    rng = np.random.default_rng(0)
    return [{"tokens": rng.normal(size=(1, 12, WIDTH)).astype(np.float32)} for _ in range(count)]


def rendered(model: Path, rendering: str, settings: RenderSettings | None = None) -> Path:
    out = model.with_name(f"{rendering}.onnx")
    record = calibrate(model, samples())
    find(RENDERINGS, rendering, "rendering").render(model, record, out, settings or RenderSettings())
    return out


def kernels(model: Path) -> list[str]:
    profile = find(BACKENDS, "onnxruntime", "runtime").profile(model, LoadOptions(threads=1), samples(1), 2)
    return [layer.kind for layer in profile.layers]


def assert_multiplies_integers(model: Path) -> None:
    found = kernels(model)
    assert not {"Gemm", "MatMul"} & set(found), found
    assert len([kind for kind in found if kind in ("QGemm", "MatMulIntegerToFloat")]) == 2, found


@pytest.mark.parametrize("length", [12, "length"])
@pytest.mark.parametrize("rendering", ON_CPUS)
def test_onnx_runtime_multiplies_integers(rendering: str, length: int | str, tmp_path: Path) -> None:
    assert_multiplies_integers(rendered(two_layers(tmp_path / "float.onnx", length), rendering))


@pytest.mark.parametrize("opset", [20, 21, 22])
@pytest.mark.parametrize("rendering", ON_CPUS)
def test_graphs_of_newer_opsets_load_and_are_computed_on_integers(rendering: str, opset: int, tmp_path: Path) -> None:
    model = two_layers(tmp_path / "older.onnx")
    onnx.save(raised_opset(onnx.load(model), opset, "this test"), tmp_path / "float.onnx")

    assert_multiplies_integers(rendered(tmp_path / "float.onnx", rendering))


def test_of_a_float_bias_onnx_runtime_makes_a_float_product(tmp_path: Path) -> None:
    """Why this is done. If this one fails, ONNX Runtime has changed, and the rule with it."""
    made = rendered(two_layers(tmp_path / "float.onnx"), "tensorrt")

    assert "Gemm" in kernels(made)
    assert not any("makes one Gemm" in remark for remark in remarks(read_graph(made), "tensorrt"))
    (remark,) = [remark for remark in remarks(read_graph(made), "x86") if "makes one Gemm" in remark]
    assert "(up, down)" in remark


@pytest.mark.parametrize("rendering", ON_CPUS)
def test_the_bias_is_of_the_steps_of_its_product(rendering: str, tmp_path: Path) -> None:
    model = two_layers(tmp_path / "float.onnx")

    view = View.of(read_graph(rendered(model, rendering, RenderSettings(treatments=()))))

    before = View.of(read_graph(model))
    for product in view.nodes("MatMul"):
        bias = view.dequantizer(view.bias(product) or "")
        assert bias is not None
        integers, steps = view.array(bias.input[0]), view.array(bias.input[1])
        scales = [view.array(view.origin(name).input[1]) for name in product.input[:2]]  # type: ignore[union-attr]
        assert integers is not None
        assert integers.dtype == np.int32
        np.testing.assert_array_equal(steps, scales[0] * scales[1])  # type: ignore[operator]
        wanted = before.array(f"{product.name}.bias")
        assert np.abs(integers * steps - wanted).max() <= 0.51 * np.max(steps)  # type: ignore[arg-type]
        assert f"{product.name}.bias" not in view.constants


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_runtimes_compute_what_they_did_with_floats(runtime: str, tmp_path: Path) -> None:
    made = rendered(two_layers(tmp_path / "float.onnx"), "x86")
    floats, replaced = read_graph(made), 0
    view = View.of(floats)
    for node in view.nodes("Add"):
        for place, name in enumerate(node.input):
            bias = view.dequantizer(name)
            if bias is not None and bias.input[0].endswith("_quantized") and "bias" in name:
                values = view.array(bias.input[0]) * view.array(bias.input[1])  # type: ignore[operator]
                floats.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), f"{name}_float"))
                node.input[place] = f"{name}_float"
                replaced += 1
    assert replaced == 2
    onnx.save(floats, tmp_path / "floats.onnx")

    one, other = (
        collect(Engine(path, runtime, "int8"), samples(), 1)["embedding"] for path in (made, tmp_path / "floats.onnx")
    )
    np.testing.assert_allclose(one, other, atol=2e-5)


def test_bias_correction_moves_the_integers(tmp_path: Path) -> None:
    model = two_layers(tmp_path / "float.onnx")
    wanted = collect(Engine(model, "onnxruntime"), samples(), 1)["embedding"]
    off = {}
    for treatments in ((), ("bias-correction",)):
        made = rendered(model, "x86", RenderSettings(treatments=treatments))
        off[treatments] = np.abs(
            collect(Engine(made, "onnxruntime", "int8"), samples(), 1)["embedding"] - wanted
        ).mean()

    assert off["bias-correction",] < 0.7 * off[()]


def test_what_no_int32_holds_stays_in_float(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    tiny = rng.normal(size=(WIDTH, 2 * WIDTH)).astype(np.float32) * 1e-9
    made = rendered(two_layers(tmp_path / "float.onnx", up=tiny), "x86")

    view = View.of(read_graph(made))

    assert "up.bias" in view.constants
    assert "down.bias" not in view.constants
    (remark,) = [remark for remark in remarks(read_graph(made), "x86") if "makes one Gemm" in remark]
    assert remark.endswith("(up)")


def test_a_sum_that_is_to_stay_in_float_does(tmp_path: Path) -> None:
    made = rendered(two_layers(tmp_path / "float.onnx"), "x86", RenderSettings(frozenset({"up_sum"})))

    view = View.of(read_graph(made))

    assert {node.name for node in view.quantized_layers()} == {"up", "down"}
    assert "up.bias" in view.constants
    assert "down.bias" not in view.constants


def test_what_differs_from_token_to_token_is_no_bias(tmp_path: Path) -> None:
    table = np.random.default_rng(1).normal(size=(12, 2 * WIDTH))
    made = rendered(two_layers(tmp_path / "float.onnx", **{"up.bias": table}), "x86")

    assert "up.bias" in View.of(read_graph(made)).constants


def test_a_graph_without_integers_is_left_as_it_is(tmp_path: Path) -> None:
    model = read_graph(two_layers(tmp_path / "float.onnx"))
    before = model.SerializeToString()

    assert integer_sums(model).SerializeToString() == before
