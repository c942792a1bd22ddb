"""Which nodes a tool is told to leave in float: the head, or all that stands behind the pooling of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PRODUCTS = frozenset(("Conv", "Gemm", "MatMul", "Convolution", "GroupConvolution"))
_POOLING = frozenset(
    ("AveragePool", "AvgPool", "GlobalAveragePool", "ReduceL2", "ReduceMean", "ReduceSum", "ReduceSumSquare")
)


@dataclass(frozen=True)
class Node:
    """An operator of a graph."""

    name: str
    kind: str
    readers: tuple[str, ...]
    """Names of those that read its outputs."""


def float_nodes(nodes: Sequence[Node], scope: str | None) -> list[str]:
    """Names of what stays in float.

    Args:
        nodes: in the order in which they run.
        scope: ``head`` is the last product; ``pooling`` adds the pooling of features, where no other product follows,
            and everything behind it; ``None`` is nothing.
    """
    if scope is None:
        return []
    head = [node.name for node in nodes if node.kind in PRODUCTS][-1]
    if scope == "head":
        return [head]
    busy = _before_products(nodes, head)
    found: set[str] = {head}
    for node in nodes:
        is_seed = node.kind in _POOLING and node.name not in busy
        if is_seed or node.name in found:
            found |= {node.name, *node.readers}
    return [node.name for node in nodes if node.name in found]


def _before_products(nodes: Sequence[Node], head: str) -> set[str]:
    """Names of nodes from which a product other than the head can be reached, and of these products."""
    kinds: Mapping[str, str] = {node.name: node.kind for node in nodes}
    found: set[str] = set()
    for node in reversed(nodes):
        if any(reader in found or (kinds[reader] in PRODUCTS and reader != head) for reader in node.readers):
            found.add(node.name)
    return found | {node.name for node in nodes if node.kind in PRODUCTS and node.name != head}
