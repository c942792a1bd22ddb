"""What ONNX Runtime on ARM wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from edgetl.host import graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.arm import RENDERING
from edgetl.host.quantize.calibrate import calibrate
from edgetl.tensors import Array


def test_activations_are_int8_with_the_zero_of_a_relu_at_its_lowest(
    network: Path, images: Array, tmp_path: Path
) -> None:
    """Then ONNX Runtime drops the ReLU; the rendering dropped the Clip already."""
    RENDERING.render(network, calibrate(network, images), tmp_path / "arm.onnx", RenderSettings(frozenset({"head"})))

    model = graph.read_graph(tmp_path / "arm.onnx")
    constants = graph.weights_of(model)
    after = next(node for node in model.graph.node if node.op_type == "QuantizeLinear" and "relu6" in node.input[0])
    zero = numpy_helper.to_array(constants[after.input[2]])
    assert (zero.dtype, int(zero)) == (np.dtype(np.int8), -128)
    assert not any(node.op_type == "Clip" for node in model.graph.node)


def test_biases_are_int32(network: Path, images: Array, tmp_path: Path) -> None:
    RENDERING.render(network, calibrate(network, images), tmp_path / "arm.onnx", RenderSettings(frozenset({"head"})))

    model = graph.read_graph(tmp_path / "arm.onnx")
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    bias = next(node for node in model.graph.node if conv.input[2] in node.output)
    assert graph.weights_of(model)[bias.input[0]].data_type == onnx.TensorProto.INT32
