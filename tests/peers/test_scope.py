"""Promises of ``benchmarks/peers/tools/scope.py``."""

from __future__ import annotations

from peers.tools.scope import Node, float_nodes

# a network with squeeze-and-excite, whose pooling belongs to the backbone, and features pooled in two places
NODES = [
    Node("stem", "Conv", ("relu",)),
    Node("relu", "Relu", ("squeeze", "scale", "early mean")),
    Node("squeeze", "GlobalAveragePool", ("excite",)),
    Node("excite", "Conv", ("scale",)),
    Node("scale", "Mul", ("last",)),
    Node("last", "Conv", ("late mean",)),
    Node("early mean", "ReduceMean", ("concat",)),
    Node("late mean", "ReduceMean", ("concat",)),
    Node("concat", "Concat", ("log",)),
    Node("log", "Log", ("head",)),
    Node("head", "Gemm", ()),
]


def test_head_is_the_last_product() -> None:
    assert float_nodes(NODES, "head") == ["head"]


def test_pooling_of_features_stays_in_float_with_all_behind_it_and_that_of_the_backbone_does_not() -> None:
    assert float_nodes(NODES, "pooling") == ["early mean", "late mean", "concat", "log", "head"]


def test_without_a_scope_everything_may_be_quantized() -> None:
    assert float_nodes(NODES, None) == []
