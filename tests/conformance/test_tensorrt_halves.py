"""Every operator that a 16-bit rendering casts, before NVIDIA's parser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host import graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.halves import CAST
from edgetl.plugins import RENDERINGS, find
from edgetl.tensors import Array

pytest.importorskip("tensorrt_rtx_libs", reason="tensorrt-rtx-cu13-libs is not installed; pip install edgetl[dev]")
trt = pytest.importorskip(
    "tensorrt_rtx_bindings", reason="tensorrt-rtx-cu13-bindings is not installed; pip install edgetl[dev]"
)

UNARY = ("Erf", "HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "Sigmoid", "Softmax", "Tanh")
BINARY = ("Add", "Div", "Mul", "Sub")


def model_with(kind: str, path: Path) -> Path:
    """A convolution, the operator, a convolution."""
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.normal(size=(8, 3, 1, 1)) / 100,
        "v": rng.normal(size=(8, 8, 1, 1)),
        "c": np.full((1, 8, 1, 1), 2),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], "cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["x"], "transpose", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["x", "w"], ["y"], "first"),
        helper.make_node(kind, ["y", "c"] if kind in BINARY else ["y"], ["z"], "middle"),
        helper.make_node("Conv", ["z", "v"], ["out"], "last"),
    ]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", 8, 8, 3])
    out = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["N", 8, 8, 8])
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    made = helper.make_graph(nodes, kind, [image], [out], tensors)
    graph.write_graph(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def images() -> Array:
    return np.random.default_rng(1).integers(0, 256, (16, 8, 8, 3), np.uint8)


@pytest.mark.parametrize("rendering", ["fp16", "bf16"])
@pytest.mark.parametrize("kind", [*UNARY, *BINARY])
def test_the_parser_takes_the_operator_in_16_bits(kind: str, rendering: str, images: Array, tmp_path: Path) -> None:
    model = model_with(kind, tmp_path / "float.onnx")

    find(RENDERINGS, rendering, "rendering").render(
        model, calibrate(model, images), tmp_path / "half.onnx", RenderSettings()
    )

    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, trt.Logger(trt.Logger.ERROR))
    assert parser.parse_from_file(str(tmp_path / "half.onnx")), parser.get_error(0).desc()


def test_these_operators_are_those_that_are_cast_besides_layers_and_shapes() -> None:
    assert {*UNARY, *BINARY} <= CAST
