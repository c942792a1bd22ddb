"""One quantized layer as a graph of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.tensors import Array

STEP = np.float32(0.02)
WEIGHT_STEP = np.float32(0.01)

LayerGraph = Callable[..., Path]


@pytest.fixture
def layer_graph(tmp_path: Path) -> LayerGraph:
    """Writes ``image`` (float) -> Q -> DQ -> layer -> Q -> DQ -> ``out`` with a given weight.

    Options are attributes of the layer, ``zero`` and ``signed`` of its input, and ``in_float`` for no pair behind it.
    """

    def write(op_type: str, image: tuple[int, ...], weight: Array, **attributes: Any) -> Path:
        outputs = weight.shape[0] if op_type == "Conv" else weight.shape[1]
        depth = weight.size // outputs
        in_float = attributes.pop("in_float", False)
        kind = np.int8 if attributes.pop("signed", False) else np.uint8
        constants: dict[str, Any] = {
            "x.scale": STEP,
            "x.zero": kind(attributes.pop("zero", 7)),
            "w": weight,
            "w.scale": np.full(outputs, WEIGHT_STEP),
            "w.zero": np.zeros(outputs, weight.dtype),
            "b": np.arange(outputs, dtype=np.int32) * 37,
            "b.scale": np.full(outputs, STEP * WEIGHT_STEP),
            "b.zero": np.zeros(outputs, np.int32),
            "y.scale": np.float32(0.25 * np.sqrt(depth)),
            "y.zero": kind(0 if kind is np.int8 else 128),
        }
        axis = 0 if op_type == "Conv" else 1
        factors = ["x.float", "w.float"] if op_type == "MatMul" else ["x.float", "w.float", "b.float"]
        nodes = [
            helper.make_node("QuantizeLinear", ["image", "x.scale", "x.zero"], ["x"]),
            helper.make_node("DequantizeLinear", ["x", "x.scale", "x.zero"], ["x.float"]),
            helper.make_node("DequantizeLinear", ["w", "w.scale", "w.zero"], ["w.float"], axis=axis),
            helper.make_node("DequantizeLinear", ["b", "b.scale", "b.zero"], ["b.float"], axis=0),
            helper.make_node(op_type, factors, ["y.float"], "layer", **attributes),
            helper.make_node("QuantizeLinear", ["y.float", "y.scale", "y.zero"], ["y"]),
            helper.make_node("DequantizeLinear", ["y", "y.scale", "y.zero"], ["out"]),
        ]
        if op_type == "MatMul":
            nodes = [node for node in nodes if "b" not in node.input]
            constants = {name: value for name, value in constants.items() if not name.startswith("b")}
        if in_float:
            nodes[-2:] = [helper.make_node("Identity", ["y.float"], ["out"])]
        graph = helper.make_graph(
            nodes,
            "layer",
            [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [None, *image])],
            [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / "layer.onnx")
        return tmp_path / "layer.onnx"

    return write


@pytest.fixture
def loud() -> Callable[[tuple[int, ...]], Array]:
    """Images that quantize to values over the whole range, with the largest ones often enough."""

    def make(shape: tuple[int, ...]) -> Array:
        steps = np.random.default_rng(5).integers(0, 256, shape)
        return ((np.minimum(steps * 2, 255) - 7) * STEP).astype(np.float32)

    return make


@pytest.fixture
def integer_graph(tmp_path: Path) -> Callable[[str, Array], Path]:
    """Writes one operator on integers, as other tools leave them, of ``q``, uint8 of ``(1, 64)`` or ``(1, 64, 4, 4)``.

    The weight has the shape ``(outputs, 64)``.
    """

    def write(op_type: str, weight: Array) -> Path:
        is_conv = "Conv" in op_type
        kernel = weight.reshape(*weight.shape, 1, 1) if is_conv else np.ascontiguousarray(weight.T)
        constants: dict[str, Any] = {
            "one": np.float32(1),
            "zero": np.uint8(0),
            "w": kernel,
            "w.zero": weight.dtype.type(0),
            "y.scale": np.float32(8192),
        }
        factors = ["q", "one", "zero", "w", "one", "w.zero", "y.scale", "zero"] if "QLinear" in op_type else ["q", "w"]
        kind = TensorProto.UINT8 if "QLinear" in op_type else TensorProto.INT32
        graph = helper.make_graph(
            [helper.make_node(op_type, factors, ["out"], "layer")],
            "integers",
            [helper.make_tensor_value_info("q", TensorProto.UINT8, ["N", 64, 4, 4] if is_conv else ["N", 64])],
            [helper.make_tensor_value_info("out", kind, None)],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
        )
        path = tmp_path / f"{op_type}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        return path

    return write
