"""A Q/DQ graph in steps: integer layers, and what lies between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import onnx

from edgetl.errors import Unsupported
from edgetl.host.graph import weights_of
from edgetl.host.naming import names_read
from edgetl.host.quantize.saturation.layers import QuantizedLayer, layers_of


@dataclass(frozen=True)
class Segment:
    """Nodes between integer layers, as a graph of its own."""

    model: onnx.ModelProto
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def partition(model: onnx.ModelProto) -> tuple[QuantizedLayer | Segment, ...]:
    """The steps of a sorted graph, in order; what only feeds the weights of integer layers is left out.

    Raises:
        Unsupported: the shape of a tensor between two steps is not known.
    """
    layers = {layer.node.output[0]: layer for layer in layers_of(model)}
    absorbed = {layer.output for layer in layers.values()} - layers.keys()
    needed = _needed(model, layers)
    nodes = [node for node in model.graph.node if needed & set(node.output) and not absorbed & set(node.output)]
    values = _values(model)
    asked = {value.name for value in model.graph.output} | {layer.source for layer in layers.values()}
    steps: list[QuantizedLayer | Segment] = []
    for is_layer, found in groupby(nodes, lambda node: node.output[0] in layers):
        if is_layer:
            steps += [layers[node.output[0]] for node in found]
        else:
            steps.append(_segment(model, tuple(found), asked, values))
    return tuple(steps)


def _needed(model: onnx.ModelProto, layers: dict[str, QuantizedLayer]) -> set[str]:
    """Tensors that the outputs depend on, where a layer reads only its 8-bit input."""
    producers = {name: node for node in model.graph.node for name in node.output}
    written_by = {layer.output: layer for layer in layers.values()}
    waiting, needed = [value.name for value in model.graph.output], set[str]()
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        layer, node = written_by.get(name), producers.get(name)
        if layer is not None:
            needed.add(layer.node.output[0])
            waiting.append(layer.source)
        elif node is not None:
            waiting.extend(names_read(node))
    return needed


def _segment(
    model: onnx.ModelProto, nodes: tuple[onnx.NodeProto, ...], asked: set[str], values: dict[str, onnx.ValueInfoProto]
) -> Segment:
    constants = weights_of(model)
    made = {name for node in nodes for name in node.output}
    read = dict.fromkeys(name for node in nodes for name in names_read(node) if name not in made)
    reads = tuple(name for name in read if name not in constants)
    wanted = asked | _read_elsewhere(model, nodes)
    writes = tuple(name for node in nodes for name in node.output if name in wanted)
    graph = onnx.helper.make_graph(
        nodes,
        "segment",
        [_free(values, name) for name in reads],
        [onnx.helper.make_tensor_value_info(name, _type(values, name), None) for name in writes],
        [constants[name] for name in read if name in constants],
    )
    part = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return Segment(part, reads, writes)


def _read_elsewhere(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> set[str]:
    own = {node.output[0] for node in nodes}
    return {name for node in model.graph.node if node.output[0] not in own for name in names_read(node)}


def _free(values: dict[str, onnx.ValueInfoProto], name: str) -> onnx.ValueInfoProto:
    """A tensor with every size left open."""
    rank = len(values[name].type.tensor_type.shape.dim) if name in values else 0
    if not rank:
        raise Unsupported(f"the shape of tensor {name!r} is not known, so the graph cannot be emulated in parts")
    return onnx.helper.make_tensor_value_info(name, _type(values, name), [None] * rank)


def _type(values: dict[str, onnx.ValueInfoProto], name: str) -> int:
    if name not in values:
        raise Unsupported(f"the type of tensor {name!r} is not known, so the graph cannot be emulated in parts")
    element: int = values[name].type.tensor_type.elem_type
    return element


def _values(model: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    return {value.name: value for value in _all_values(onnx.shape_inference.infer_shapes(model).graph)}


def _all_values(graph: onnx.GraphProto) -> Iterator[onnx.ValueInfoProto]:
    yield from graph.input
    yield from graph.value_info
    yield from graph.output
