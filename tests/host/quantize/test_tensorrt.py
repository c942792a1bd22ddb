"""What the rendering for TensorRT does beyond what every rendering must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host import graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.rules.view import View
from edgetl.host.quantize.tensorrt import RENDERING
from edgetl.host.quantize.treatments.bias_correction import correct_biases
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array

SETTINGS = RenderSettings(frozenset({"head"}))


def rendered(network: Path, images: Array, out: Path) -> View:
    RENDERING.render(network, calibrate(network, images), out, SETTINGS)
    return View.of(graph.read_graph(out))


def with_residual(network: Path) -> None:
    """Two convolutions and a sum behind the network's only one."""
    model = graph.read_graph(network)
    rng = np.random.default_rng(3)
    for name in ("w1", "w2"):
        values = rng.normal(size=(8, 8, 3, 3)).astype(np.float32) / 9
        model.graph.initializer.append(numpy_helper.from_array(np.tile(values, (2, 2, 1, 1)), name))
    stem = graph.weights_of(model)["w"]
    stem.CopyFrom(numpy_helper.from_array(np.tile(numpy_helper.to_array(stem), (2, 1, 1, 1)), "w"))
    head = graph.weights_of(model)["head.weight"]
    head.CopyFrom(numpy_helper.from_array(np.tile(numpy_helper.to_array(head), (1, 2)), "head.weight"))
    nodes = [
        helper.make_node("Conv", ["relu6", "w1"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], "conv2", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["relu6", "c2"], ["sum"], "sum"),
    ]
    place = next(index for index, node in enumerate(model.graph.node) if node.name == "pool")
    for offset, node in enumerate(nodes):
        model.graph.node.insert(place + offset, node)
    next(node for node in model.graph.node if node.name == "pool").input[0] = "sum"
    graph.write_graph(model, network)


def test_every_pair_has_an_int8_zero_point_of_zero_among_the_weights(
    network: Path, images: Array, tmp_path: Path
) -> None:
    view = rendered(network, images, tmp_path / "out.onnx")

    zeros = [view.zero_point(node) for node in view.nodes("QuantizeLinear", "DequantizeLinear")]
    assert zeros
    assert all(zero is not None and zero.dtype == np.int8 and not zero.any() for zero in zeros)


def test_weights_keep_within_127_with_a_scale_per_channel_and_biases_are_float(
    network: Path, images: Array, tmp_path: Path
) -> None:
    view = rendered(network, images, tmp_path / "out.onnx")

    conv = next(view.nodes("Conv"))
    weight = view.dequantizer(conv.input[1])
    assert weight is not None
    integers = view.integers(weight)
    assert integers is not None
    assert np.abs(integers.astype(int)).max() == 127
    assert view.constants[weight.input[1]].dims == [8]
    assert view.constants[conv.input[2]].data_type == onnx.TensorProto.FLOAT


def test_only_the_skip_branch_of_a_sum_is_quantized_and_shares_its_pair(
    network: Path, images: Array, tmp_path: Path
) -> None:
    with_residual(network)

    view = rendered(network, images, tmp_path / "out.onnx")

    added = next(view.nodes("Add"))
    skip, main = added.input
    assert view.producers[main].op_type == "Conv"
    assert view.dequantizer(skip) is not None
    assert {node.name for node in view.readers[skip]} == {"conv1", "sum"}


def test_nothing_behind_the_last_layer_is_quantized(network: Path, images: Array, tmp_path: Path) -> None:
    view = rendered(network, images, tmp_path / "out.onnx")

    pool = next(view.nodes("ReduceMean"))
    assert view.producers[pool.input[0]].op_type == "Clip"


def test_the_opset_is_one_that_jetpack_5_reads(network: Path, images: Array, tmp_path: Path) -> None:
    assert graph.read_graph(network).opset_import[0].version == 18

    assert rendered(network, images, tmp_path / "out.onnx").opset == 17


def test_a_graph_of_newer_operators_is_refused_in_words(network: Path, images: Array, tmp_path: Path) -> None:
    model = graph.read_graph(network)
    model.opset_import[0].version = 20
    model.graph.node.insert(6, helper.make_node("Gelu", ["relu6"], ["gelu"], "gelu"))
    next(node for node in model.graph.node if node.name == "pool").input[0] = "gelu"
    graph.write_graph(model, network)

    with pytest.raises(Unsupported, match=r"TensorRT 8.5 and 8.6 read opsets up to 17.*leave this rendering out"):
        rendered(network, images, tmp_path / "out.onnx")


def test_a_network_of_thin_layers_is_refused_in_words(network: Path, images: Array, tmp_path: Path) -> None:
    model = graph.read_graph(network)
    for name, keep in (("w", np.s_[:7]), ("head.weight", np.s_[:, :7])):
        tensor = graph.weights_of(model)[name]
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[keep].copy(), name))
    graph.write_graph(model, network)

    with pytest.raises(Unsupported, match=r"'tensorrt' quantizes no layer of 'network.onnx'.*leave 'tensorrt' out"):
        rendered(network, images, tmp_path / "out.onnx")


def test_float_biases_are_corrected_too(network: Path, images: Array, tmp_path: Path) -> None:
    """The weights lose a quarter on purpose; the float biases take up what that shifts on average."""
    record = calibrate(network, images)
    RENDERING.render(network, record, tmp_path / "out.onnx", SETTINGS)
    model, original = (graph.read_graph(path) for path in (tmp_path / "out.onnx", network))
    weight = graph.weights_of(model)["w"]
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float32(0.75), "w"))

    wanted = mean_features(original, images, tmp_path)
    shifted = np.abs(mean_features(model, images, tmp_path) - wanted).max()
    assert correct_biases(model, original, record.tensors) == ("conv",)

    assert np.abs(mean_features(model, images, tmp_path) - wanted).max() < 0.6 * shifted


def mean_features(model: onnx.ModelProto, images: Array, folder: Path) -> Array:
    graph.write_graph(model, folder / "model.onnx")
    graph.expose_features(folder / "model.onnx", folder / "features.onnx")
    runner = find(BACKENDS, "onnxruntime", "runtime").load(folder / "features.onnx", LoadOptions(threads=1, batch=None))
    features: Array = next(iter(runner.infer({"image": images}).values()))
    return features.mean(0)
