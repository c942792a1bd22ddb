"""Pairs of convolutions with nothing between them but an activation that a positive factor passes through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from edgetl.host.quantize.rules.view import View

_HOMOGENEOUS = frozenset(("LeakyRelu", "PRelu", "Relu"))
"""``f(s x) = s f(x)`` for every ``s > 0``."""


@dataclass(frozen=True)
class Chain:
    """Two convolutions, of which the second is the only reader of what the first makes."""

    producer: onnx.NodeProto
    activation: onnx.NodeProto | None
    reader: onnx.NodeProto
    limit: float | None
    """Where the activation cuts every channel off, as a ReLU6 does; ``None`` where it does not."""

    @property
    def tensor(self) -> str:
        """What the second one reads."""
        name: str = self.reader.input[0]
        return name


def chains(graph: onnx.ModelProto) -> tuple[Chain, ...]:
    """All of a graph, in its order; weights and biases of both layers are constants."""
    view = View.of(graph)
    found = (_chain(view, node) for node in view.nodes("Conv") if _is_constant(view, node))
    return tuple(chain for chain in found if chain is not None)


def _chain(view: View, producer: onnx.NodeProto) -> Chain | None:
    following = view.only_reader(producer.output[0])
    if following is None or following.input[0] != producer.output[0]:
        return None
    activation, limit = None, None
    if following.op_type != "Conv":
        cuts = _cut(view, following)
        if cuts is None:
            return None
        activation, limit = following, cuts if np.isfinite(cuts) else None
        following = view.only_reader(activation.output[0])
        if following is None or following.input[0] != activation.output[0]:
            return None
    if following.op_type != "Conv" or not _is_constant(view, following):
        return None
    return Chain(producer, activation, following, limit)


def _cut(view: View, node: onnx.NodeProto) -> float | None:
    """Above which value an activation is constant, infinity for none; ``None`` where factors do not pass it."""
    if node.op_type in _HOMOGENEOUS:
        return np.inf
    if node.op_type != "Clip" or len(node.input) < 2 or not node.input[1]:
        return None
    low, high = (view.array(name) if name else np.array(np.inf) for name in [*node.input[1:], ""][:2])
    if low is None or high is None or low.item() != 0 or high.item() <= 0:
        return None
    return float(high.item())


def _is_constant(view: View, node: onnx.NodeProto) -> bool:
    return all(name in view.constants for name in node.input[1:] if name)
