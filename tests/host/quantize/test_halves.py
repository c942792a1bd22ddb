"""Which nodes stay in fp32 when layers go to 16 bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host import graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.bf16 import RENDERING as BF16
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.fp16 import RENDERING as FP16
from edgetl.host.quantize.magnitudes import magnitudes
from edgetl.host.quantize.rules.view import View
from edgetl.tensors import Array

SETTINGS = RenderSettings(frozenset({"head"}))


def scaled(network: Path, name: str, factor: float) -> None:
    model = graph.read_graph(network)
    tensor = graph.weights_of(model)[name]
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(factor), name))
    graph.write_graph(model, network)


def second_layer(network: Path) -> None:
    """A convolution behind the first, so that one of two can stay in fp32."""
    model = graph.read_graph(network)
    weight = np.random.default_rng(4).normal(size=(8, 8, 1, 1)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weight, "w1"))
    model.graph.node.insert(6, helper.make_node("Conv", ["relu6", "w1"], ["c1"], "conv1"))
    next(node for node in model.graph.node if node.name == "pool").input[0] = "c1"
    graph.write_graph(model, network)


def types_of(view: View, name: str) -> set[int]:
    node = next(node for node in view.model.graph.node if node.name == name)
    return {view.constants[read].data_type for read in node.input if read in view.constants}


def rendered(network: Path, images: Array, out: Path) -> View:
    FP16.render(network, calibrate(network, images), out, SETTINGS)
    return View.of(graph.read_graph(out))


def test_layers_and_what_lies_between_are_fp16_and_the_head_and_the_image_fp32(
    network: Path, images: Array, tmp_path: Path
) -> None:
    view = rendered(network, images, tmp_path / "out.onnx")

    assert types_of(view, "conv") == types_of(view, "clip") == {onnx.TensorProto.FLOAT16}
    assert types_of(view, "sub") == types_of(view, "mul") == types_of(view, "head") == {onnx.TensorProto.FLOAT}


def test_a_tensor_is_cast_once_for_all_its_readers(network: Path, images: Array, tmp_path: Path) -> None:
    second_layer(network)
    model = graph.read_graph(network)
    model.graph.node.insert(7, helper.make_node("Conv", ["normal", "w"], ["c2"], "conv2", pads=[1, 1, 1, 1]))
    model.graph.node.insert(8, helper.make_node("Add", ["c1", "c2"], ["sum"], "sum"))
    next(node for node in model.graph.node if node.name == "pool").input[0] = "sum"
    graph.write_graph(model, network)

    view = rendered(network, images, tmp_path / "out.onnx")

    casts = [node.input[0] for node in view.nodes("Cast")]
    assert casts.count("normal") == 1


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        (lambda network: scaled(network, "w1", 1e6), {onnx.TensorProto.FLOAT}),
        (lambda network: scaled(network, "w1", 300.0), {onnx.TensorProto.FLOAT}),
        (lambda network: scaled(network, "w1", 1.0), {onnx.TensorProto.FLOAT16}),
    ],
    ids=["weights beyond 65504", "activations beyond 512", "small ones"],
)
def test_what_is_out_of_range_stays_in_fp32(
    change: Callable[[Path], None], stays: set[int], network: Path, images: Array, tmp_path: Path
) -> None:
    second_layer(network)
    change(network)

    view = rendered(network, images, tmp_path / "out.onnx")

    assert types_of(view, "conv1") == stays
    assert types_of(view, "conv") == {onnx.TensorProto.FLOAT16}


def test_a_clipped_convolution_that_could_overflow_stays_in_fp32(network: Path, images: Array, tmp_path: Path) -> None:
    """Calibration does not see what a Clip hides: the weights bound it instead."""
    second_layer(network)
    scaled(network, "w", 60000.0)

    view = rendered(network, images, tmp_path / "out.onnx")

    assert types_of(view, "conv") == {onnx.TensorProto.FLOAT}
    assert types_of(view, "conv1") == {onnx.TensorProto.FLOAT16}


def test_bounds_hold_for_what_the_network_computes(network: Path, images: Array, tmp_path: Path) -> None:
    """Every intermediate tensor, watched or not, on the calibration images."""
    model, record = graph.read_graph(network), calibrate(network, images)
    bounds = magnitudes(model, record)
    names = [name for node in model.graph.node for name in node.output if node.op_type != "Gemm"]
    for name in names:
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    evaluator = onnx.reference.ReferenceEvaluator(model)

    values = evaluator.run(names, {"image": images})

    assert {
        name: bool(np.abs(value).max() <= bounds[name].value * 1.0001)
        for name, value in zip(names, values, strict=True)
    } == (dict.fromkeys(names, True))
    assert all(np.isfinite(bounds[name].value) for name in names)


KINDS = {
    onnx.TensorProto.UINT8: 255.0,
    onnx.TensorProto.INT8: 128.0,
    onnx.TensorProto.BOOL: 1.0,
    onnx.TensorProto.INT32: np.inf,
    onnx.TensorProto.INT64: np.inf,
}


def second_input(network: Path, kind: int, *nodes: onnx.NodeProto) -> None:
    """Nodes that make ``summand`` of an input ``other``, and a sum of it and a second layer that is not watched."""
    second_layer(network)
    model = graph.read_graph(network)
    model.graph.input.append(helper.make_tensor_value_info("other", kind, ["N", 1, 1, 1]))
    for place, node in enumerate((*nodes, helper.make_node("Sub", ["c1", "summand"], ["difference"], "difference"))):
        model.graph.node.insert(7 + place, node)
    next(node for node in model.graph.node if node.name == "pool").input[0] = "difference"
    graph.write_graph(model, network)


@pytest.mark.parametrize("kind", KINDS, ids=[onnx.TensorProto.DataType.Name(kind) for kind in KINDS])
@pytest.mark.parametrize("is_turned", [False, True], ids=["cast", "turned and cast"])
def test_a_cast_is_as_large_as_what_it_reads_can_be(kind: int, is_turned: bool, network: Path, images: Array) -> None:
    turned = helper.make_node("Transpose", ["other"], ["turned"], "turn", perm=[0, 3, 1, 2])
    cast = helper.make_node("Cast", ["turned" if is_turned else "other"], ["summand"], "cast_other", to=1)
    record = calibrate(network, images)
    second_input(network, kind, *([turned, cast] if is_turned else [cast]))

    bounds = magnitudes(graph.read_graph(network), record)

    assert bounds["summand"].value == KINDS[kind]
    assert "other" not in bounds


def test_integers_beside_floats_keep_no_node_in_fp32(network: Path, images: Array, tmp_path: Path) -> None:
    second_layer(network)
    model = graph.read_graph(network)
    model.graph.node.insert(7, helper.make_node("Shape", ["c1"], ["sizes"], "shape"))
    model.graph.node.insert(8, helper.make_node("Reshape", ["relu6", "sizes"], ["same"], "reshape"))
    model.graph.node.insert(9, helper.make_node("Conv", ["same", "w1"], ["c2"], "conv2"))
    next(node for node in model.graph.node if node.name == "pool").input[0] = "c2"
    graph.write_graph(model, network)

    view = rendered(network, images, tmp_path / "out.onnx")

    assert not [node for node in view.nodes("Cast") if node.input[0] == "same"]


def test_what_reads_an_input_of_unknown_size_stays_in_fp32(network: Path, images: Array, tmp_path: Path) -> None:
    second_input(network, onnx.TensorProto.FLOAT)
    model = graph.read_graph(network)
    next(node for node in model.graph.node if node.name == "difference").input[1] = "other"
    graph.write_graph(model, network)
    feeds = [{"image": image[None], "other": np.full((1, 1, 1, 1), 1e5, np.float32)} for image in images]

    FP16.render(network, calibrate(network, feeds), tmp_path / "out.onnx", SETTINGS)

    view = View.of(graph.read_graph(tmp_path / "out.onnx"))
    assert not [node for node in view.nodes("Cast") if node.input[0] == "other"]


def test_an_output_of_integers_keeps_its_type(network: Path, images: Array, tmp_path: Path) -> None:
    """Integers are not halved, whatever operator they pass."""
    model = graph.read_graph(network)
    model.graph.node.insert(6, helper.make_node("ArgMax", ["relu6"], ["largest"], "argmax", axis=1))
    model.graph.node.insert(7, helper.make_node("Flatten", ["largest"], ["places"], "flatten"))
    model.graph.output.append(helper.make_tensor_value_info("places", onnx.TensorProto.INT64, ["N", 256]))
    graph.write_graph(model, network)

    FP16.render(network, calibrate(network, images), tmp_path / "out.onnx", SETTINGS)

    onnx.checker.check_model(graph.read_graph(tmp_path / "out.onnx"), full_check=True)


def test_bf16_has_no_limits_but_needs_newer_operators(network: Path, images: Array, tmp_path: Path) -> None:
    second_layer(network)
    scaled(network, "w1", 1e6)

    BF16.render(network, calibrate(network, images), tmp_path / "out.onnx", SETTINGS)

    view = View.of(graph.read_graph(tmp_path / "out.onnx"))
    assert types_of(view, "conv1") == {onnx.TensorProto.BFLOAT16}
    assert view.opset == 22


def test_bf16_rounds_to_the_nearest(network: Path, images: Array, tmp_path: Path) -> None:
    BF16.render(network, calibrate(network, images), tmp_path / "out.onnx", SETTINGS)

    constants = graph.weights_of(graph.read_graph(tmp_path / "out.onnx"))
    bits = np.frombuffer(constants["w_bf16"].raw_data, np.uint16).astype(np.uint32) << 16
    exact = numpy_helper.to_array(graph.weights_of(graph.read_graph(network))["w"]).reshape(-1)
    assert np.abs(bits.view(np.float32) / exact - 1).max() <= 2**-8


def test_a_graph_all_out_of_range_is_refused_in_words(network: Path, images: Array, tmp_path: Path) -> None:
    scaled(network, "w", 1e9)

    with pytest.raises(Unsupported, match=r"'fp16' casts no layer.*values beyond 512.*leave 'fp16' out"):
        rendered(network, images, tmp_path / "out.onnx")
