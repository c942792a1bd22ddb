"""For OpenVINO, activation functions read what convolutions made before it is rounded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.device.probe import INT8_DOT, environment
from edgetl.errors import Unsupported
from edgetl.host.graph import read_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.coverage import coverage
from edgetl.host.quantize.rules import remarks
from edgetl.host.quantize.rules.openvino import FUNCTIONS, before_functions
from edgetl.host.quantize.rules.view import View
from edgetl.plugins import BACKENDS, RENDERINGS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array, feeds_of

WIDTH = 16
SILU = "SiLU"


def network(path: Path, functions: Sequence[str], *, is_read_twice: bool = False) -> Path:
    """A convolution before each function, and one behind all of them, from ``x (N, 16, 8, 8)`` to means of channels."""
    rng = np.random.default_rng(0)
    names = [f"k{place}" for place in range(len(functions) + 1)]
    kernels = [
        numpy_helper.from_array((rng.normal(size=(WIDTH, WIDTH, 1, 1)) / 3).astype(np.float32), k) for k in names
    ]
    nodes, last = list[onnx.NodeProto](), "x"
    for place, kind in enumerate(functions):
        made, out = f"c{place}", f"f{place}"
        nodes.append(helper.make_node("Conv", [last, names[place]], [made], made))
        if kind == SILU:
            nodes.append(helper.make_node("Sigmoid", [made], [f"s{place}"], f"s{place}"))
            nodes.append(helper.make_node("Mul", [f"s{place}", made], [out], out))
        else:
            nodes.append(helper.make_node(kind, [made], [out], out))
        last = out
    if is_read_twice:
        nodes.append(helper.make_node("MaxPool", ["c0"], ["again"], "again", kernel_shape=[1, 1]))
        nodes.append(helper.make_node("Concat", [last, "again"], ["both"], "both", axis=1))
        nodes.append(helper.make_node("GlobalAveragePool", ["both"], ["means"], "means"))
    else:
        nodes.append(helper.make_node("Conv", [last, names[-1]], ["behind"], "behind"))
        nodes.append(helper.make_node("GlobalAveragePool", ["behind"], ["means"], "means"))
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", WIDTH, 8, 8]),
        helper.make_tensor_value_info("means", TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(nodes, "own", ends[:1], ends[1:], kernels)
    opset = 22 if "Mish" in functions else 20
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def samples(count: int = 24) -> list[dict[str, Array]]:
    rng = np.random.default_rng(1)
    return [{"x": rng.normal(size=(1, WIDTH, 8, 8)).astype(np.float32)} for _ in range(count)]


def rendered(model: Path, rendering: str = "openvino", keep_float: frozenset[str] = frozenset()) -> Path:
    out = model.with_name(f"{rendering}.onnx")
    record = calibrate(model, samples())
    find(RENDERINGS, rendering, "rendering").render(model, record, out, RenderSettings(keep_float))
    return out


def kernels(model: Path) -> list[str]:
    """What OpenVINO computed, layer by layer."""
    backend = find(BACKENDS, "openvino", "runtime")
    options = LoadOptions(threads=1, precision="int8", batch=1)
    runner = backend.load(model, options)
    feeds = [feeds_of(sample, runner.inputs) for sample in samples(4)]
    runner.close()
    return [f"{one.kind} {one.precision}" for one in backend.profile(model, options, feeds, 3).layers]


def error(model: Path, made: Path) -> float:
    """Where this CPU's sums saturate, of exact ones, which OpenVINO cannot be asked for."""
    runtime = "onnxruntime" if Engine(made, "openvino").exact_sums else "openvino"
    wanted, got = (next(iter(collect(Engine(path, runtime), samples(), 1).values())) for path in (model, made))
    return float(np.square(wanted - got).mean())


@pytest.mark.parametrize("kind", [*sorted(FUNCTIONS), SILU])
def test_function_reads_what_the_convolution_made(kind: str, tmp_path: Path) -> None:
    model = network(tmp_path / "float.onnx", (kind, kind))
    made = rendered(model)
    graph = read_graph(made)
    view = View.of(graph)
    assert coverage(graph).quantized == ("c0", "c1", "behind")
    for place in range(2):
        readers = {node.op_type for node in view.readers[f"c{place}"]}
        assert readers == ({"Sigmoid", "Mul"} if kind == SILU else {kind})
        (quantizer,) = view.readers[f"f{place}"]
        assert quantizer.op_type == "QuantizeLinear"
    assert remarks(graph, "openvino") == ()


@pytest.mark.parametrize("kind", ["Gelu", "HardSwish", "LeakyRelu", "Mish", SILU])
def test_openvino_has_fewer_kernels_to_run_and_less_to_round(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    model = network(tmp_path / "float.onnx", (kind, kind, kind))
    own, shared = rendered(model), rendered(model, "x86-vnni")
    found = kernels(own)
    if INT8_DOT & set(environment().cpu.isa):
        assert sum(one.startswith("Convolution int8") for one in found) == 4
    assert len(found) < len(kernels(shared))
    assert error(model, own) < error(model, shared)


def test_relu_needs_no_floats(tmp_path: Path) -> None:
    model = network(tmp_path / "float.onnx", ("HardSwish", "Relu"))
    view = View.of(read_graph(rendered(model)))
    (first,), (second,) = view.readers["c0"], [node for node in view.nodes("Conv") if node.name == "c1"]
    assert first.op_type == "HardSwish"
    assert [node.op_type for node in view.readers[second.output[0]]] == ["QuantizeLinear"]


def test_what_another_layer_reads_too_stays_rounded(tmp_path: Path) -> None:
    model = network(tmp_path / "float.onnx", ("HardSwish", "HardSwish"), is_read_twice=True)
    view = View.of(read_graph(rendered(model)))
    assert [node.op_type for node in view.readers["c0"]] == ["QuantizeLinear"]
    assert [node.op_type for node in view.readers["c1"]] == ["HardSwish"]


def test_what_the_graph_puts_out_stays_as_it_is(tmp_path: Path) -> None:
    path = network(tmp_path / "float.onnx", ("HardSwish", "HardSwish"))
    model = read_graph(path)
    model.graph.output.append(helper.make_tensor_value_info("c0", TensorProto.FLOAT, ["N", WIDTH, 8, 8]))
    onnx.save(model, path)
    view = View.of(read_graph(rendered(path)))
    assert [node.op_type for node in view.readers["c1"]] == ["HardSwish"]
    assert [node.name for node in before_functions(view)] == ["c1"]


@pytest.mark.parametrize("kept", [("c0",), ("c0", "c1")])
def test_layers_in_float_do_not_make_the_graph_go(kept: tuple[str, ...], tmp_path: Path) -> None:
    """What is lost by a layer is found out with all others in float."""
    model = network(tmp_path / "float.onnx", ("HardSwish", "HardSwish", "Relu"))
    graph = read_graph(rendered(model, keep_float=frozenset(kept)))
    assert coverage(graph).quantized == tuple(name for name in ("c0", "c1", "c2", "behind") if name not in kept)


@pytest.mark.parametrize("kind", ["Relu", "Celu"])
def test_without_such_functions_there_is_no_graph_and_the_reason_says_which_to_take(kind: str, tmp_path: Path) -> None:
    model = network(tmp_path / "float.onnx", (kind, kind))
    with pytest.raises(Unsupported, match=r"would be that of 'x86-vnni': .* have 'x86-vnni' among renderings"):
        rendered(model)


def test_graph_for_both_runtimes_hears_of_the_one_for_openvino(tmp_path: Path) -> None:
    graph = read_graph(rendered(network(tmp_path / "float.onnx", ("HardSwish", "HardSwish")), "x86-vnni"))
    (told,) = remarks(graph, "x86-vnni")
    assert told.endswith("the rendering 'openvino' spares that on x86 with VNNI (c0, c1)")
    assert len(before_functions(View.of(graph))) == 2
    assert (
        remarks(read_graph(rendered(network(tmp_path / "relu.onnx", ("Relu", "Relu")), "x86-vnni")), "x86-vnni") == ()
    )
