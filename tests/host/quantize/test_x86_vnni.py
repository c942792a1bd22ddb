"""What the x86 rendering does beyond what every rendering must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.errors import EdgeTLError, Unsupported
from edgetl.host import graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.lint import lint
from edgetl.host.quantize.rewrites import fuse_normalisation
from edgetl.host.quantize.treatments.bias_correction import correct_biases
from edgetl.host.quantize.x86_vnni import RENDERING
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array

HEAD = frozenset({"head"})
SETTINGS = RenderSettings(HEAD)


def run(model: Path, images: Array) -> Array:
    runner = find(BACKENDS, "onnxruntime", "runtime").load(model, LoadOptions(threads=1, batch=None))
    outputs: Array = next(iter(runner.infer({"image": images}).values()))
    return outputs


def test_activations_are_uint8_weights_int8_per_channel_biases_int32(
    network: Path, images: Array, tmp_path: Path
) -> None:
    RENDERING.render(network, calibrate(network, images), tmp_path / "int8.onnx", SETTINGS)

    model = graph.read_graph(tmp_path / "int8.onnx")
    constants = graph.weights_of(model)
    pairs = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    assert {constants[node.input[2]].data_type for node in pairs} == {onnx.TensorProto.UINT8}
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    weight, bias = (next(node for node in model.graph.node if node.output[0] == name) for name in conv.input[1:])
    assert constants[weight.input[0]].data_type == onnx.TensorProto.INT8
    assert list(constants[weight.input[1]].dims) == [8]
    assert constants[bias.input[0]].data_type == onnx.TensorProto.INT32


def test_relu6_is_absorbed_and_pooling_stays_in_float(network: Path, images: Array, tmp_path: Path) -> None:
    RENDERING.render(network, calibrate(network, images), tmp_path / "int8.onnx", SETTINGS)

    nodes = graph.read_graph(tmp_path / "int8.onnx").graph.node
    assert not any(node.op_type == "Clip" for node in nodes)
    pool = next(node for node in nodes if node.op_type == "ReduceMean")
    assert not any(node.op_type == "QuantizeLinear" and pool.output[0] in node.input for node in nodes)


def test_a_record_of_another_graph_is_refused(network: Path, images: Array, tmp_path: Path) -> None:
    record = calibrate(network, images)
    model = graph.read_graph(network)
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == "w")
    weight.CopyFrom(numpy_helper.from_array(2 * numpy_helper.to_array(weight), "w"))
    graph.write_graph(model, network)

    with pytest.raises(Unsupported, match="of another graph"):
        RENDERING.render(network, record, tmp_path / "int8.onnx", SETTINGS)


def test_a_node_to_keep_that_does_not_exist_is_refused(network: Path, images: Array, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="no node 'haed'"):
        RENDERING.render(
            network, calibrate(network, images), tmp_path / "int8.onnx", RenderSettings(frozenset({"haed"}))
        )


def test_fused_normalisation_computes_the_same(network: Path, images: Array, tmp_path: Path) -> None:
    model = graph.read_graph(network)

    assert fuse_normalisation(model)

    graph.write_graph(model, tmp_path / "fused.onnx")
    assert {node.op_type for node in model.graph.node}.isdisjoint({"Sub", "Mul"})
    np.testing.assert_allclose(run(tmp_path / "fused.onnx", images), run(network, images), rtol=1e-4, atol=1e-4)


def test_bias_correction_brings_the_mean_output_back(network: Path, images: Array, tmp_path: Path) -> None:
    """The int8 weights are halved on purpose; the biases take up what that shifts on average."""
    record = calibrate(network, images)
    RENDERING.render(network, record, tmp_path / "int8.onnx", SETTINGS)
    model = graph.read_graph(tmp_path / "int8.onnx")
    weight = graph.weights_of(model)["w_quantized"]
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) // 2, "w_quantized"))
    shifted = features(model, images, tmp_path)

    assert correct_biases(model, graph.read_graph(network), record.tensors) == ("conv",)

    wanted = features(graph.read_graph(network), images, tmp_path)
    mended = features(model, images, tmp_path)
    assert np.abs((mended - wanted).mean(0)).max() < 0.6 * np.abs((shifted - wanted).mean(0)).max()


def features(model: onnx.ModelProto, images: Array, folder: Path) -> Array:
    graph.write_graph(model, folder / "model.onnx")
    graph.expose_features(folder / "model.onnx", folder / "features.onnx")
    return run(folder / "features.onnx", images)


def test_products_of_two_activations_stay_in_float(network: Path, images: Array, tmp_path: Path) -> None:
    model = graph.read_graph(network)
    model.graph.node.insert(6, helper.make_node("MatMul", ["relu6", "relu6"], ["attention"], "attention"))
    next(node for node in model.graph.node if node.op_type == "ReduceMean").input[0] = "attention"
    graph.write_graph(model, network)

    RENDERING.render(network, calibrate(network, images), tmp_path / "int8.onnx", SETTINGS)

    nodes = graph.read_graph(tmp_path / "int8.onnx").graph.node
    assert not any(node.op_type == "QuantizeLinear" and "attention" in node.input for node in nodes)


def lost_head(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.name == "head").name = ""


def other_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "picture"
    model.graph.node[0].input[0] = "picture"


def cyclic(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "nowhere"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lost_head, "was to stay in float and is gone"),
        (other_input, "changed the inputs or outputs"),
        (cyclic, "not valid ONNX"),
    ],
)
def test_lint_refuses(damage: object, words: str, network: Path, images: Array, tmp_path: Path) -> None:
    RENDERING.render(network, calibrate(network, images), tmp_path / "int8.onnx", SETTINGS)
    model = graph.read_graph(tmp_path / "int8.onnx")
    damage(model)  # type: ignore[operator]

    with pytest.raises(EdgeTLError, match=words):
        lint(model, graph.read_graph(network), HEAD)


def test_lint_refuses_a_head_with_quantized_weights(network: Path, images: Array, tmp_path: Path) -> None:
    RENDERING.render(network, calibrate(network, images), tmp_path / "int8.onnx", RenderSettings())

    with pytest.raises(EdgeTLError, match="'head' was to stay in float and has quantized weights"):
        lint(graph.read_graph(tmp_path / "int8.onnx"), graph.read_graph(network), HEAD)
