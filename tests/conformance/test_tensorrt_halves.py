"""Every operator that a 16-bit rendering casts, before NVIDIA's parser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from nvidia_parser import assert_parses
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host import graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.halves import CAST
from edgetl.plugins import RENDERINGS, find
from edgetl.tensors import Array

KINDS = {"fp16": onnx.TensorProto.FLOAT16, "bf16": onnx.TensorProto.BFLOAT16}
ACTIVATIONS = ("Elu", "Erf", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "Sigmoid", "Softmax", "Tanh")
UNARY = (*ACTIVATIONS, "Abs", "Flatten", "GlobalAveragePool", "GlobalMaxPool", "Neg")
OPERATORS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **dict.fromkeys(UNARY, ("y", {})),
    **dict.fromkeys(("Add", "Div", "Max", "Min", "Mul", "PRelu", "Sub"), ("y two", {})),
    **dict.fromkeys(("AveragePool", "MaxPool"), ("y", {"kernel_shape": [2, 2]})),
    "BatchNormalization": ("y ones ones ones ones", {}),
    "Clip": ("y zero six", {}),
    "Concat": ("y y", {"axis": 1}),
    "Conv": ("y kernels", {}),
    "DepthToSpace": ("y", {"blocksize": 2}),
    "Expand": ("pooled wide", {}),
    "Gather": ("y middle", {"axis": 1}),
    "Gemm": ("rows matrix", {}),
    "LayerNormalization": ("y ones ones", {"axis": -1}),
    "MatMul": ("rows matrix", {}),
    "Pad": ("y border", {}),
    "ReduceMean": ("y", {"axes": [2, 3]}),
    "Reshape": ("y shape", {}),
    "Slice": ("y from to middle", {}),
    "Split": ("y", {"axis": 1}),
    "Squeeze": ("pooled middle", {}),
    "Transpose": ("y", {"perm": [0, 2, 3, 1]}),
    "Unsqueeze": ("y middle", {}),
}
"""What each reads, and its attributes."""
CONSTANTS: Mapping[str, Array] = {
    "two": np.full((1, 8, 1, 1), 2, np.float32),
    "ones": np.ones(8, np.float32),
    "zero": np.float32(0),
    "six": np.float32(6),
    "kernels": np.ones((8, 8, 1, 1), np.float32),
    "matrix": np.full((512, 8), 0.01, np.float32),
    "shape": np.int64([0, 8, 64]),
    "middle": np.int64([2]),
    "wide": np.int64([1, 8, 2, 3]),
    "border": np.int64([0, 0, 1, 1, 0, 0, 1, 1]),
    "from": np.int64([1]),
    "to": np.int64([6]),
}
RESULTS = {"Split": ["z", "other"]}
BEFORE = {"rows": "Flatten", "pooled": "GlobalAveragePool"}


def model_with(kind: str, path: Path, opset: int = 17) -> Path:
    """A convolution, the operator, a product."""
    reads, attributes = OPERATORS[kind]
    attributes = {**attributes, **({"num_outputs": 2} if kind == "Split" and opset > 17 else {})}
    names = reads.split()
    weights = np.random.default_rng(0).normal(size=(8, 3, 1, 1)).astype(np.float32) / 100
    constants = {
        "w": weights,
        "half": np.float32(0.5),
        **{name: CONSTANTS[name] for name in names if name in CONSTANTS},
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], "cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["x"], "transpose", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["x", "w"], ["y"], "first"),
        *(helper.make_node(BEFORE[name], ["y"], [name], name) for name in names if name in BEFORE),
        helper.make_node(kind, names, RESULTS.get(kind, ["z"]), "middle", **attributes),
        helper.make_node("Mul", ["z", "half"], ["out"], "last"),
    ]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", 8, 8, 3])
    out = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    made = helper.make_graph(nodes, kind, [image], [out], tensors)
    opsets = [helper.make_opsetid("", 20 if kind == "Gelu" else opset)]
    graph.write_graph(helper.make_model(made, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def images() -> Array:
    return np.random.default_rng(1).integers(0, 256, (16, 8, 8, 3), np.uint8)


@pytest.mark.parametrize("rendering", KINDS)
@pytest.mark.parametrize("kind", OPERATORS)
def test_the_parser_takes_the_operator_in_16_bits(kind: str, rendering: str, images: Array, tmp_path: Path) -> None:
    model, out = model_with(kind, tmp_path / "float.onnx"), tmp_path / "half.onnx"
    record, entry = calibrate(model, images), find(RENDERINGS, rendering, "rendering")
    if (kind, rendering) == ("Gelu", "fp16"):
        # it came with opset 20, and fp16 is for parsers that stopped at 17
        with pytest.raises(Unsupported, match="no form in it"):
            entry.render(model, record, out, RenderSettings())
        return

    entry.render(model, record, out, RenderSettings())

    assert_parses(out)
    types = {
        value.name: value.type.tensor_type.elem_type
        for value in onnx.shape_inference.infer_shapes(graph.read_graph(out)).graph.value_info
    }
    assert types["z"] == (onnx.TensorProto.FLOAT if kind in entry.refused else KINDS[rendering])


@pytest.mark.parametrize("rendering", [*KINDS, "tensorrt"])
@pytest.mark.parametrize("kind", ["Pad", "Split"])
def test_the_parser_takes_operators_with_other_forms_in_newer_opsets(
    kind: str, rendering: str, images: Array, tmp_path: Path
) -> None:
    """As ``prepare`` exports them."""
    model, out = model_with(kind, tmp_path / "float.onnx", 18), tmp_path / "made.onnx"

    find(RENDERINGS, rendering, "rendering").render(model, calibrate(model, images), out, RenderSettings())

    assert_parses(out)


def test_these_operators_are_those_that_are_cast() -> None:
    assert set(OPERATORS) == CAST
