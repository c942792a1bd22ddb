"""Products of attention whose factors come right out of linear layers, as in BERT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import onnx

from edgetl.host.quantize.rules.view import SHAPING, View

_BETWEEN = frozenset(("Add", "Div", "Mul", "Sub", "Where"))
"""Operators that scale and mask scores before the Softmax."""
_DEEPEST = 4
"""Of these, one behind the other."""


@dataclass(frozen=True)
class Attention:
    """Two products around a Softmax (Vaswani et al. 2017, "Attention is all you need")."""

    scores: str
    """Name of the product of queries and keys."""
    mixture: str
    """Name of the product of what the Softmax made and values."""
    factors: frozenset[str]
    """Names of the tensors of queries, keys and values that these products read."""

    @property
    def products(self) -> tuple[str, str]:
        """Names of both."""
        return self.scores, self.mixture


def attentions(view: View) -> tuple[Attention, ...]:
    """Where queries, keys and values each come from a linear layer through nothing but changes of shape.

    Not where one layer makes all three, which are then cut apart, or where queries are scaled before the product:
    OpenVINO computes these in one node of its own in float. Of a Q/DQ graph those are found whose products are still
    in float, whether the linear layers are or not.
    """
    return tuple(_found(view))


def _found(view: View) -> Iterator[Attention]:
    for softmax in view.nodes("Softmax"):
        mixture = view.only_reader(softmax.output[0])
        scores = _product_before(view, softmax.input[0], _DEEPEST)
        if mixture is None or scores is None or mixture.op_type != "MatMul" or mixture.input[0] != softmax.output[0]:
            continue
        factors = frozenset((*scores.input, mixture.input[1]))
        if all(_is_linear(view, name) for name in factors):
            yield Attention(scores.name, mixture.name, factors)


def _product_before(view: View, name: str, deepest: int) -> onnx.NodeProto | None:
    """The product of two activations that a tensor is made of by scaling and masking."""
    node = view.producers.get(name)
    if node is None or (node.op_type in _BETWEEN and not deepest):
        return None
    if node.op_type == "MatMul":
        return None if view.constants.keys() & set(node.input) else node
    found = [_product_before(view, one, deepest - 1) for one in node.input] if node.op_type in _BETWEEN else []
    return next((one for one in found if one is not None), None)


def _is_linear(view: View, name: str) -> bool:
    """Whether a tensor is what a layer with constant weights made, in another shape or not."""
    node = view.producers.get(name)
    while node is not None and node.op_type in SHAPING:
        node = view.producers.get(node.input[0])
    if node is not None and node.op_type == "Add":
        made = [view.producers.get(one) for one in node.input if not _is_constant(view, one)]
        node = made[0] if len(made) == 1 else None
    return node is not None and node.op_type in ("Gemm", "MatMul") and _is_constant(view, node.input[1])


def _is_constant(view: View, name: str) -> bool:
    """Whether a tensor is a constant, dequantized or not."""
    dequantizer = view.dequantizer(name)
    return name in view.constants or (dequantizer is not None and view.is_weight(dequantizer))
