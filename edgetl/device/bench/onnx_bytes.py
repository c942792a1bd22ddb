"""Writes small ONNX graphs without the onnx package, which devices do not have.

Only the fields that a chain of operations needs, numbered as in ``onnx.proto3`` of ONNX 1.17, in the encoding of
protocol buffers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgetl.tensors import Array, TensorSpec

_ELEMENTS = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "float64": 11,
}
"""``TensorProto.DataType``."""
_IR_VERSION, _OPSET = 8, 17
_VARINT, _BYTES = 0, 2


@dataclass(frozen=True)
class Node:
    """One operation of the standard domain, without attributes."""

    operation: str
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class Graph:
    """A model; sizes that are ``None`` become the free dimension ``N``."""

    nodes: Sequence[Node]
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    constants: Mapping[str, Array] = field(default_factory=dict)


def onnx_bytes(graph: Graph) -> bytes:
    """An ONNX file (opset 17, IR version 8)."""
    parts = [_message(1, _node(node)) for node in graph.nodes]
    parts.append(_text(2, "graph"))
    parts.extend(_message(5, _tensor(name, array)) for name, array in graph.constants.items())
    parts.extend(_message(11, _value(spec)) for spec in graph.inputs)
    parts.extend(_message(12, _value(spec)) for spec in graph.outputs)
    opset = _message(8, _text(1, "") + _integer(2, _OPSET))
    return _integer(1, _IR_VERSION) + _message(7, b"".join(parts)) + opset


def _node(node: Node) -> bytes:
    inputs = b"".join(_text(1, name) for name in node.inputs)
    return inputs + _text(2, node.output) + _text(3, node.output) + _text(4, node.operation)


def _tensor(name: str, array: Array) -> bytes:
    dims = b"".join(_integer(1, size) for size in array.shape)
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    kind = _integer(2, _ELEMENTS[np.dtype(array.dtype).name])
    return dims + kind + _text(8, name) + _message(9, np.ascontiguousarray(little).tobytes())


def _value(spec: TensorSpec) -> bytes:
    sizes = b"".join(_message(1, _text(2, "N") if size is None else _integer(1, size)) for size in spec.shape)
    tensor = _integer(1, _ELEMENTS[spec.dtype]) + _message(2, sizes)
    return _text(1, spec.name) + _message(2, _message(1, tensor))


def _integer(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _text(number: int, value: str) -> bytes:
    return _message(number, value.encode())


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
