"""Which floats an ONNX file computes in, read without the onnx package, which devices do not have."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path

_FLOATS = {1: "fp32", 10: "fp16", 11: "fp64", 16: "bf16"}
"""``TensorProto.DataType``."""
_PARTS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "value": {2: "type"},
    "type": {1: "tensor type"},
    "tensor": {},
    "tensor type": {},
}
"""Fields that hold messages, numbered as in ``onnx.proto3`` of ONNX 1.17; all others are skipped."""
_ELEMENT = {"tensor": 2, "tensor type": 1}
_NAME, _INTEGER = 1, 3
"""Of an attribute."""


def float_types(model: Path) -> frozenset[str]:
    """Types of a graph's weights, constants, inputs and outputs, and those it casts to: ``fp32``, ``fp16``, ``bf16``.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no ONNX file.
    """
    with (
        model.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as whole,
    ):
        found = frozenset(_elements(whole, 0, len(whole), "model"))
    return frozenset(_FLOATS[element] for element in found if element in _FLOATS)


def _elements(data: memoryview, start: int, end: int, kind: str) -> Iterator[int]:
    name, integer = b"", 0
    for number, value in _fields(data, start, end):
        if isinstance(value, int):
            if number == _ELEMENT.get(kind):
                yield value
            integer = value if number == _INTEGER else integer
        elif number in _PARTS[kind]:
            yield from _elements(data, *value, _PARTS[kind][number])
        elif number == _NAME and kind == "attribute":
            name = bytes(data[slice(*value)])
    if name == b"to":
        yield integer


def _fields(data: memoryview, place: int, end: int) -> Iterator[tuple[int, int | tuple[int, int]]]:
    """Numbers with their integers, or with the places between which their bytes lie."""
    while place < end:
        key, place = _varint(data, place, end)
        wire = key & 7
        if wire == 0:
            value, place = _varint(data, place, end)
            yield key >> 3, value
            continue
        if wire == 2:
            size, place = _varint(data, place, end)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"no protocol buffer: wire type {wire}")
        if place + size > end:
            raise ValueError("no protocol buffer: it ends too early")
        if wire == 2:
            yield key >> 3, (place, place + size)
        place += size


def _varint(data: memoryview, place: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while place < end and shift < 70:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError("no protocol buffer: a number does not end")
