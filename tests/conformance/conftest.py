"""Small networks that renderings are tried on, each with a head and seeded weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host import graph
from edgetl.host.adapt import Head
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.tensors import Array

SIZE = 32
WIDTH = 16
TOKEN = 8
"""Pixels along the side of a token."""


class Network:
    """Builds a graph node by node with seeded weights."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Array) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, *inputs: str, out: str | None = None, **attributes: Any) -> str:
        out = out or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], f"node_{len(self.nodes)}", **attributes))
        return out

    def conv(self, x: str, shape: tuple[int, int, int, int], function: str = "relu6", **attributes: Any) -> str:
        scale = np.sqrt(2 / np.prod(shape[1:]))
        weight = self.constant((self._rng.normal(size=shape) * scale).astype(np.float32))
        bias = self.constant((self._rng.normal(size=shape[0]) / 5).astype(np.float32))
        out = self.node("Conv", x, weight, bias, pads=[shape[2] // 2] * 4, **attributes)
        return self.activation(out, function) if function else out

    def activation(self, x: str, function: str) -> str:
        if function == "relu6":
            return self.node("Clip", x, *(self.constant(np.array(value, np.float32)) for value in (0, 6)))
        if function == "silu":
            return self.node("Mul", x, self.node("Sigmoid", x))
        return self.node(function, x)

    def linear(self, x: str, inside: int, out: int) -> str:
        weight = self.constant((self._rng.normal(size=(inside, out)) / np.sqrt(inside)).astype(np.float32))
        bias = self.constant((self._rng.normal(size=out) / 5).astype(np.float32))
        return self.node("Add", self.node("MatMul", x, weight), bias)

    def layer_norm(self, x: str, width: int) -> str:
        ones, zeros = (self.constant(np.full(width, value, np.float32)) for value in (1, 0))
        return self.node("LayerNormalization", x, ones, zeros, axis=-1)

    def image(self) -> str:
        x = self.node("Transpose", self.node("Cast", "image", to=onnx.TensorProto.FLOAT), perm=[0, 3, 1, 2])
        x = self.node("Sub", x, self.constant(np.array([123.7, 116.3, 103.5], np.float32).reshape(1, 3, 1, 1)))
        return self.node("Mul", x, self.constant(np.array([0.017, 0.018, 0.0175], np.float32).reshape(1, 3, 1, 1)))

    def pooled(self, x: str, axes: tuple[int, ...] = (2, 3), out: str | None = None) -> str:
        return self.node("ReduceMean", x, self.constant(np.array(axes)), out=out, keepdims=0, noop_with_empty_axes=0)


def residual(net: Network) -> int:
    """Normalisation, stem, inverted residual with HardSwish, a depthwise convolution and an Add, two pooled stages."""
    stem = net.conv(net.image(), (WIDTH, 3, 3, 3), strides=[2, 2])
    wide = net.conv(stem, (2 * WIDTH, WIDTH, 1, 1), function="HardSwish")
    wide = net.conv(wide, (2 * WIDTH, 1, 3, 3), group=2 * WIDTH)
    block = net.node("Add", net.conv(wide, (WIDTH, 2 * WIDTH, 1, 1), function=""), stem)
    last = net.conv(block, (WIDTH, WIDTH, 3, 3), strides=[2, 2])
    net.node("Concat", net.pooled(block), net.pooled(last), out="features", axis=1)
    return 2 * WIDTH


def dense(net: Network) -> int:
    """Stem, pooling, two branches that are concatenated, a SiLU, and a sum of two convolutions."""
    stem = net.node("MaxPool", net.conv(net.image(), (WIDTH, 3, 3, 3)), kernel_shape=[2, 2], strides=[2, 2])
    branches = [net.conv(stem, (WIDTH, WIDTH, size, size)) for size in (1, 3)]
    both = net.node("Concat", *branches, axis=1)
    short = net.conv(both, (2 * WIDTH, 2 * WIDTH, 1, 1), function="")
    long = net.conv(
        net.conv(both, (2 * WIDTH, 2 * WIDTH, 3, 3), function="silu"), (2 * WIDTH, 2 * WIDTH, 3, 3), function=""
    )
    net.pooled(net.node("Relu", net.node("Add", short, long)), out="features")
    return 2 * WIDTH


def transformer(net: Network) -> int:
    """Patches, one head of attention, a product with GELU behind it, layer normalisation before each."""
    width, tokens = 2 * WIDTH, (SIZE // TOKEN) ** 2
    x = net.conv(net.image(), (width, 3, TOKEN, TOKEN), function="", strides=[TOKEN, TOKEN])
    net.nodes[-1].attribute[0].ints[:] = [0] * 4
    x = net.node("Reshape", x, net.constant(np.array([0, width, tokens])))
    x = net.node("Transpose", x, perm=[0, 2, 1])
    normal = net.layer_norm(x, width)
    query, key, value = (net.linear(normal, width, width) for _ in range(3))
    scores = net.node("MatMul", query, net.node("Transpose", key, perm=[0, 2, 1]))
    scores = net.node("Mul", scores, net.constant(np.array(width**-0.5, np.float32)))
    seen = net.node("MatMul", net.node("Softmax", scores, axis=-1), value)
    x = net.node("Add", net.linear(seen, width, width), x)
    hidden = net.linear(net.layer_norm(x, width), width, 2 * width)
    erf = net.node("Erf", net.node("Div", hidden, net.constant(np.array(2**0.5, np.float32))))
    gate = net.node("Mul", hidden, net.node("Add", erf, net.constant(np.array(1, np.float32))))
    half = net.node("Mul", gate, net.constant(np.array(0.5, np.float32)))
    x = net.node("Add", net.linear(half, 2 * width, width), x)
    net.pooled(net.layer_norm(x, width), (1,), out="features")
    return width


NETWORKS: Mapping[str, Callable[[Network], int]] = {
    "residual": residual,
    "dense": dense,
    "transformer": transformer,
}


def build(name: str, folder: Path) -> Path:
    """Write a network with its head; its features come out of ``expose_features``."""
    net = Network(seed=0)
    width = NETWORKS[name](net)
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", SIZE, SIZE, 3])
    features = helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["N", width])
    made = helper.make_graph(net.nodes, name, [image], [features], net.constants)
    opset = helper.make_opsetid("", 18)
    graph.write_graph(helper.make_model(made, ir_version=10, opset_imports=[opset]), folder / "trunk.onnx")
    weight = np.random.default_rng(2).normal(size=(3, width)).astype(np.float32)
    graph.attach_head(folder / "trunk.onnx", Head(weight, np.zeros(3, np.float32)), folder / f"{name}.onnx")
    return folder / f"{name}.onnx"


@pytest.fixture(scope="session")
def images() -> Array:
    """Twenty-four of different brightness, ``uint8 (24, 32, 32, 3)``."""
    rng = np.random.default_rng(1)
    brightness = rng.integers(40, 216, (24, 1, 1, 3))
    return np.clip(rng.normal(brightness, 40, (24, SIZE, SIZE, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session", params=NETWORKS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each network in turn, as a float graph with a head."""
    return build(str(request.param), tmp_path_factory.mktemp("float"))


@pytest.fixture(scope="session")
def record(model: Path, images: Array) -> CalibrationRecord:
    """Of that network, over 16 of the images."""
    return calibrate(model, images[:16])
