"""Names of the tensors of a graph, also where graphs lie inside others."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping

import onnx


def tensor_names(graph: onnx.GraphProto) -> frozenset[str]:
    """Names of all tensors of a graph and of the graphs inside it."""
    values = (*graph.input, *graph.output, *graph.value_info, *graph.initializer)
    inside = (name for node in graph.node for subgraph in _subgraphs(node) for name in tensor_names(subgraph))
    used = (name for node in graph.node for name in (*node.input, *node.output))
    sparse = (tensor.values.name for tensor in graph.sparse_initializer)
    return frozenset((*(value.name for value in values), *sparse, *used, *inside)) - {""}


def names_read(node: onnx.NodeProto) -> tuple[str, ...]:
    """Names of the tensors that a node reads, each once, those that the graphs inside an If or a Loop take included."""
    inside = (name for subgraph in _subgraphs(node) for name in _taken(subgraph))
    return tuple(name for name in dict.fromkeys((*node.input, *inside)) if name)


def fresh_name(wanted: str, taken: Collection[str]) -> str:
    """``wanted``, or with the first number that makes it new."""
    numbered = (f"{wanted}_{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain((wanted,), numbered) if name not in taken)


def rename_tensors(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Give tensors other names, wherever they are read or made, also in the graphs of If and Loop."""
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for subgraph in _subgraphs(node):
            rename_tensors(subgraph, names)
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)
    for tensor in graph.sparse_initializer:
        tensor.values.name = names.get(tensor.values.name, tensor.values.name)


def _taken(graph: onnx.GraphProto) -> list[str]:
    """Names that a graph inside another one takes from there."""
    own = {value.name for value in (*graph.input, *graph.initializer)}
    own |= {tensor.values.name for tensor in graph.sparse_initializer}
    own |= {name for node in graph.node for name in node.output}
    read = (*(name for node in graph.node for name in names_read(node)), *(value.name for value in graph.output))
    return [name for name in read if name not in own]


def _subgraphs(node: onnx.NodeProto) -> tuple[onnx.GraphProto, ...]:
    single = (attribute.g for attribute in node.attribute if attribute.HasField("g"))
    return (*single, *(graph for attribute in node.attribute for graph in attribute.graphs))
