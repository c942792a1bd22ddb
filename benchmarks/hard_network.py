"""A network that post-training quantization fails on: channels of very unequal size, and outliers.

It is an ordinary network of depthwise convolutions with seeded random weights, in which channels between two
convolutions were divided by factors from 1 to 1,000 and the weights that read them multiplied by the same. So it
computes what the ordinary one computes (with ReLU6, which cuts smaller channels less, something like it), while most
channels of a tensor lie within the first step of its 8 bits. It is what training sometimes does to MobileNets (Nagel et
al. 2019, arXiv:1906.04721, figure 2), made on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]
SIZE = 48
WIDTH = 32
CLASSES = 4


@dataclass(frozen=True)
class Hardness:
    """How hard: ``spread`` 1 and ``outlier`` 1 give the ordinary network."""

    spread: float = 1000.0
    """Largest over smallest factor of the channels before and behind each depthwise convolution."""
    outlier: float = 30.0
    """By what one channel of each of these tensors is larger than all others; clipped networks have none."""
    is_clipped: bool = False
    """ReLU6 instead of ReLU."""
    blocks: int = 3
    seed: int = 0


def hard_network(hardness: Hardness | None = None) -> onnx.ModelProto:
    """A float graph from ``image``, uint8 ``(N, 48, 48, 3)``, to ``logits`` ``(N, 4)``; 32 features, head ``head``."""
    made = _Maker(hardness or Hardness())
    x = made.node("Transpose", made.node("Cast", "image", to=onnx.TensorProto.FLOAT), perm=[0, 3, 1, 2])
    x = made.node("Sub", x, made.constant(np.full((1, 3, 1, 1), 127.5)))
    x = made.node("Mul", x, made.constant(np.full((1, 3, 1, 1), 1 / 64)))
    x = made.activated(made.conv(x, made.weight(WIDTH, 3, 3), strides=[2, 2]))
    for block in range(made.hardness.blocks):
        x = made.block(x, stride=2 if block < 2 else 1)
    made.node("ReduceMean", x, made.constant(np.array([2, 3]), np.int64), out="features", keepdims=0)
    head = [made.constant(values, name=name) for values, name in made.head()]
    made.nodes.append(helper.make_node("Gemm", ["features", *head], ["logits"], "head", transB=1))
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", SIZE, SIZE, 3])
    logits = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["N", CLASSES])
    graph = helper.make_graph(made.nodes, "hard", [image], [logits], made.constants)
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    onnx.checker.check_model(model, full_check=True)
    return model


def images(count: int, seed: int = 1) -> Array:
    """Smooth coloured pictures with noise, ``uint8 (count, 48, 48, 3)``."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 6, 6, 3)).repeat(8, 1).repeat(8, 2)
    return np.clip(coarse + rng.normal(0, 12, coarse.shape), 0, 255).astype(np.uint8)


class _Maker:
    """Builds the graph node by node."""

    def __init__(self, hardness: Hardness) -> None:
        self.hardness = hardness
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._rng = np.random.default_rng(hardness.seed)

    def constant(self, values: Array, kind: Any = np.float32, name: str = "") -> str:
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values).astype(kind), name))
        return name

    def node(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        out = out or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], f"node_{len(self.nodes)}", **attributes))
        return out

    def weight(self, outputs: int, inputs: int, size: int) -> Array:
        return self._rng.normal(size=(outputs, inputs, size, size)) * np.sqrt(2 / (inputs * size**2))

    def conv(self, x: str, weight: Array, factors: Array | None = None, **attributes: Any) -> str:
        """A convolution whose results are divided by ``factors``."""
        bias = self._rng.normal(size=len(weight)) / 5
        if factors is not None:
            weight, bias = weight / factors[:, None, None, None], bias / factors
        pads = [weight.shape[2] // 2] * 4
        return self.node("Conv", x, self.constant(weight), self.constant(bias), pads=pads, **attributes)

    def activated(self, x: str) -> str:
        if not self.hardness.is_clipped:
            return self.node("Relu", x)
        return self.node("Clip", x, self.constant(np.array(0.0)), self.constant(np.array(6.0)))

    def block(self, x: str, stride: int) -> str:
        """Wider, depthwise, and narrow again, without an activation behind; the two tensors inside are unequal."""
        wide = 2 * WIDTH
        first, second = self._factors(wide), self._factors(wide)
        x = self.activated(self.conv(x, self.weight(wide, WIDTH, 1), first))
        x = self.conv(x, self.weight(wide, 1, 3) * first[:, None, None, None], second, group=wide, strides=[stride] * 2)
        x = self.activated(x)
        return self.conv(x, self.weight(WIDTH, wide, 1) * second[None, :, None, None])

    def head(self) -> tuple[tuple[Array, str], ...]:
        weight = self._rng.normal(size=(CLASSES, WIDTH))
        return (weight, "head.weight"), (np.zeros(CLASSES), "head.bias")

    def _factors(self, count: int) -> Array:
        """At least 1, so that a clipped channel is clipped no more than before; the outlier's is less."""
        factors = self.hardness.spread ** self._rng.permutation(np.linspace(0, 1, count))
        if not self.hardness.is_clipped:
            factors[np.argmin(factors)] = 1 / self.hardness.outlier
        return factors
