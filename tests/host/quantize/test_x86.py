"""No pair of products may pass int16 on CPUs that add them there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from edgetl.host import graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.x86 import RENDERING
from edgetl.host.quantize.x86_vnni import RENDERING as VNNI
from edgetl.tensors import Array

SETTINGS = RenderSettings(frozenset({"head"}))
INT16 = 32767


def worst_pair(path: Path) -> int:
    """Largest possible |255 * w0 + 255 * w1| of two weights of one output channel."""
    model = graph.read_graph(path)
    constants = graph.weights_of(model)
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    source = next(node for node in model.graph.node if conv.input[1] in node.output)
    weights = np.abs(numpy_helper.to_array(constants[source.input[0]]).astype(np.int64))
    return int(255 * np.sort(weights.reshape(len(weights), -1))[:, -2:].sum(axis=1).max())


def with_weights(network: Path, values: Array, out: Path) -> None:
    model = graph.read_graph(network)
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == "w")
    weight.CopyFrom(numpy_helper.from_array(values.astype(np.float32), "w"))
    graph.write_graph(model, out)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.floats(-1e4, 1e4, width=32), min_size=27, max_size=27),
    sign=st.sampled_from([-1.0, 1.0]),
)
def test_no_two_products_pass_int16_whatever_the_weights(
    values: list[float], sign: float, network: Path, images: Array, tmp_path: Path
) -> None:
    """Seven channels of anything, one whose weights all are the largest."""
    weights = np.stack([np.roll(np.float32(values), shift) for shift in range(7)] + [np.full(27, sign)])
    with_weights(network, weights.reshape(8, 3, 3, 3), tmp_path / "float.onnx")

    RENDERING.render(
        tmp_path / "float.onnx", calibrate(tmp_path / "float.onnx", images), tmp_path / "x86.onnx", SETTINGS
    )

    assert 0 < worst_pair(tmp_path / "x86.onnx") <= INT16


def test_the_rendering_for_vnni_does_pass_int16(network: Path, images: Array, tmp_path: Path) -> None:
    VNNI.render(network, calibrate(network, images), tmp_path / "vnni.onnx", SETTINGS)

    assert worst_pair(tmp_path / "vnni.onnx") > INT16


def test_activations_keep_all_their_bits(network: Path, images: Array, tmp_path: Path) -> None:
    record = calibrate(network, images)
    scales = []
    for rendering in (RENDERING, VNNI):
        rendering.render(network, record, tmp_path / "out.onnx", SETTINGS)
        model = graph.read_graph(tmp_path / "out.onnx")
        constants = graph.weights_of(model)
        pairs = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
        assert {constants[node.input[2]].data_type for node in pairs} == {onnx.TensorProto.UINT8}
        scales.append([numpy_helper.to_array(constants[node.input[1]]) for node in pairs])

    np.testing.assert_array_equal(*scales)


def test_float_weights_are_gone(network: Path, images: Array, tmp_path: Path) -> None:
    RENDERING.render(network, calibrate(network, images), tmp_path / "out.onnx", SETTINGS)

    constants = graph.weights_of(graph.read_graph(tmp_path / "out.onnx"))
    assert "w" not in constants
    assert constants["w_quantized"].data_type == onnx.TensorProto.INT8
