"""A small float network and images for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.tensors import Array


@pytest.fixture
def images() -> Array:
    """Twenty different bright ones, uint8 (20, 16, 16, 3); their normalised means are far from zero."""
    return np.random.default_rng(0).integers(100, 256, (20, 16, 16, 3), np.uint8)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Normalisation per channel, a convolution without a bias, ReLU6, mean, a head."""
    rng = np.random.default_rng(1)
    constants = {
        "mean": np.array([123.7, 116.3, 103.5]).reshape(1, 3, 1, 1),
        "inverse": np.array([0.017, 0.018, 0.0175]).reshape(1, 3, 1, 1),
        "w": rng.normal(size=(8, 3, 3, 3)) / 5,
        "zero": np.array(0.0),
        "six": np.array(6.0),
        "head.weight": rng.normal(size=(2, 8)),
        "head.bias": rng.normal(size=2),
    }
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    tensors.append(numpy_helper.from_array(np.array([2, 3]), "axes"))
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], "cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["nchw"], "transpose", perm=[0, 3, 1, 2]),
        helper.make_node("Sub", ["nchw", "mean"], ["centred"], "sub"),
        helper.make_node("Mul", ["centred", "inverse"], ["normal"], "mul"),
        helper.make_node("Conv", ["normal", "w"], ["conv"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["conv", "zero", "six"], ["relu6"], "clip"),
        helper.make_node("ReduceMean", ["relu6", "axes"], ["features"], "pool", keepdims=0),
        helper.make_node("Gemm", ["features", "head.weight", "head.bias"], ["logits"], "head", transB=1),
    ]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", 16, 16, 3])
    logits = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["N", 2])
    model = helper.make_model(helper.make_graph(nodes, "network", [image], [logits], tensors), ir_version=10)
    model.opset_import[0].version = 18
    onnx.save(model, tmp_path / "network.onnx")
    return tmp_path / "network.onnx"
