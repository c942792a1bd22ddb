"""The nodes of an ONNX file, for :mod:`scope`."""

from __future__ import annotations

from pathlib import Path

import onnx
from scope import Node


def onnx_nodes(path: Path) -> list[Node]:
    """In the order in which they run."""
    nodes = onnx.load(str(path)).graph.node
    readers: dict[str, list[str]] = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node.name)
    return [
        Node(node.name, node.op_type, tuple(reader for name in node.output for reader in readers.get(name, ())))
        for node in nodes
    ]
