"""What a Q/DQ graph is to learn of its float graph, without labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx
import torch
from torch import Tensor
from torch.nn import functional

from edgetl.errors import Unsupported
from edgetl.host.graph import head_nodes, weights_of

TEMPERATURE = 4.0
"""Softens the classes, so that unlikely ones are learnt from, too."""


@dataclass(frozen=True)
class Match:
    """Two tensors that should be equal."""

    wanted: str
    """Its name in the float graph."""
    got: str
    """Its name in the Q/DQ graph."""
    are_logits: bool = False


def matches(original: onnx.ModelProto, quantized: onnx.ModelProto) -> tuple[Match, ...]:
    """The inputs of the heads as features and their outputs as logits; the graph's outputs where there is no head.

    A head is a product with a constant matrix behind which no other layer comes. Outputs that are no floats are left
    out: nothing can be trained towards them.

    Raises:
        Unsupported: no output is of floats.
    """
    weights, nodes = weights_of(original), {node.name: node for node in quantized.graph.node}
    last = head_nodes(original)
    layers = [node for node in original.graph.node if node.name in last and node.op_type in ("Conv", "Gemm", "MatMul")]
    if layers and all(_is_head(node, weights) and node.name in nodes for node in layers):
        features = {node.input[0]: Match(node.input[0], nodes[node.name].input[0]) for node in layers}
        logits = [Match(node.output[0], nodes[node.name].output[0], are_logits=True) for node in layers]
        return (*features.values(), *logits)
    outputs = [value for value in original.graph.output if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT]
    if not outputs:
        raise Unsupported("no output of the graph is of floats, so there is nothing to train it towards")
    return tuple(Match(value.name, value.name) for value in outputs)


def loss(got: Mapping[str, Tensor], wanted: Mapping[str, Tensor], pairs: tuple[Match, ...]) -> Tensor:
    """Noise of the features over their signal, plus the divergence of the softened classes; 0 for equal tensors.

    With features ``f`` of the float graph and ``g`` of the other, ``sum((f - g)**2) / sum(f**2)``; with classes ``p``
    and ``q`` at temperature ``T``, ``T**2 * mean(sum(p * log(p / q)))``. Both summed over the pairs.

    References:
        Hinton et al., "Distilling the Knowledge in a Neural Network", 2015 (arXiv:1503.02531), section 2; Romero et
        al., "FitNets", 2015 (arXiv:1412.6550), for features.
    """
    total = torch.zeros(())
    for pair in pairs:
        student, teacher = got[pair.got], wanted[pair.wanted]
        total = total + (_divergence if pair.are_logits else _noise)(student, teacher)
    return total


def _noise(student: Tensor, teacher: Tensor) -> Tensor:
    return (student - teacher).square().sum() / teacher.square().sum().clamp_min(torch.finfo(teacher.dtype).tiny)


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    soft = [(logits / TEMPERATURE).log_softmax(-1).flatten(0, -2) for logits in (student, teacher)]
    return TEMPERATURE**2 * functional.kl_div(soft[0], soft[1], reduction="batchmean", log_target=True)


def _is_head(node: onnx.NodeProto, weights: Mapping[str, onnx.TensorProto]) -> bool:
    return node.op_type in ("Gemm", "MatMul") and node.input[1] in weights and len(weights[node.input[1]].dims) > 1
