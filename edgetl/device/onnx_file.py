"""What an ONNX file is made of, read without the onnx package, which devices do not have."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from edgetl.artifact import sha256_of
from edgetl.errors import InputError

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_LFS = b"version https://git-lfs"
# numbers of fields in onnx.proto3 of ONNX 1.17
_MODEL_GRAPH, _GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_OUTPUT, _TENSOR_EXTERNAL = 7, 1, 5, 12, 13
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_NODE_TEXTS = 1, 2, 3, 4, 7
_NODE_ATTRIBUTE, _ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS = 5, 5, 10, 6, 11


def parts_of(model: Path) -> tuple[Path, ...]:
    """The file, and those beside it that hold its large weights, in the order of their names.

    Raises:
        InputError: it is not there, is no ONNX file, has a name that runtimes or terminals do not take, or one of its
            parts is missing.
    """
    _check_name(model)
    _check_is_file(model)
    locations = sorted({location for location in _locations(model) if location})
    parts = tuple(model.parent / location for location in locations)
    for part in parts:
        if not part.is_file():
            raise InputError(
                f"{str(model)!r} keeps weights in {str(part)!r}, which is not there; put both into one folder"
            )
    return (model, *parts)


def identity_of(parts: tuple[Path, ...]) -> str:
    """SHA-256 of a model's only file; of several, of their names and hashes."""
    if len(parts) == 1:
        return sha256_of(parts[0])
    together = hashlib.sha256()
    for part in parts:
        together.update(f"{part.name}\0{sha256_of(part)}\n".encode("utf-8", "surrogateescape"))
    return together.hexdigest()


def size_of(parts: tuple[Path, ...]) -> int:
    """Bytes of all files of a model."""
    return sum(part.stat().st_size for part in parts)


def _check_name(model: Path) -> None:
    kinds = {unicodedata.category(letter) for letter in str(model)}
    if "Cs" in kinds and _is_utf8(model):
        raise InputError(
            f"the path {str(model)!r} is in UTF-8, but this environment reads names as {sys.getfilesystemencoding()}; "
            "set PYTHONUTF8=1, or LC_ALL to a UTF-8 locale such as C.UTF-8"
        )
    if not kinds.isdisjoint({"Cc", "Cs"}):
        raise InputError(
            f"the path {str(model)!r} has control characters, or is not in UTF-8; rename the file or folder"
        )


def _is_utf8(path: Path) -> bool:
    try:
        os.fsencode(path).decode()
    except UnicodeError:
        return False
    return True


def _check_is_file(model: Path) -> None:
    try:
        mode = model.stat().st_mode
    except FileNotFoundError as error:
        raise InputError(f"there is no file {str(model)!r}; give an ONNX file or a bundle") from error
    except OSError as error:
        raise InputError(f"cannot read {str(model)!r} ({error.strerror}); give an ONNX file or a bundle") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{str(model)!r} is a folder; give an ONNX file or a bundle")
    if not stat.S_ISREG(mode):
        raise InputError(f"{str(model)!r} is no file but a device or a pipe; give an ONNX file or a bundle")


def _locations(model: Path) -> tuple[str, ...]:
    try:
        with model.open("rb") as file:
            if not (first := file.read(len(_LFS))):
                raise InputError(f"{str(model)!r} is empty; give an ONNX file or a bundle")
            if first == _LFS:
                raise InputError(f"{str(model)!r} is a pointer of Git LFS; fetch the file itself with: git lfs pull")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content) as view:
                graphs = [_Message(view, begin, end) for begin, end in _Message(view, 0, len(view)).all(_MODEL_GRAPH)]
                if not graphs:
                    raise ValueError("it has no graph")
                if not any(True for graph in graphs for _ in graph.all(_GRAPH_OUTPUT)):
                    raise InputError(
                        f"{str(model)!r} has no outputs, so it computes nothing; export it with one or more"
                    )
                return tuple(location for graph in graphs for location in graph.locations())
    except OSError as error:
        raise InputError(f"cannot read {str(model)!r} ({error.strerror}); give an ONNX file or a bundle") from error
    except ValueError as error:
        raise InputError(f"{str(model)!r} is no ONNX file ({error}); give an ONNX file or a bundle") from error


class _Message:
    """One message of protocol buffers: bytes ``begin`` to ``end`` of a file."""

    def __init__(self, view: memoryview, begin: int, end: int) -> None:
        self._view, self._begin, self._end = view, begin, end

    def all(self, number: int) -> Iterator[tuple[int, int]]:
        """Where the fields of bytes with that number begin and end.

        Raises:
            ValueError: it is no such message.
        """
        place = self._begin
        while place < self._end:
            key, place = self._varint(place)
            kind = key & 7
            if kind == _BYTES:
                length, place = self._varint(place)
                if place + length > self._end:
                    raise ValueError("it is cut off, or something else")
                if key >> 3 == number:
                    yield place, place + length
                place += length
            elif kind == _VARINT:
                _, place = self._varint(place)
            elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
                place += 8 if kind == _EIGHT_BYTES else 4
            else:
                raise ValueError("its bytes are not those of a protocol buffer")
        if place != self._end:
            raise ValueError("it is cut off, or something else")

    def locations(self) -> Iterator[str]:
        """Of a graph: names of files that its weights, and those of graphs inside it, lie in."""
        for tensor in self._within(_GRAPH_INITIALIZER):
            yield tensor.location()
        for node in self._within(_GRAPH_NODE):
            node.check_texts()
            for attribute in node._within(_NODE_ATTRIBUTE):
                for number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
                    for tensor in attribute._within(number):
                        yield tensor.location()
                for number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
                    for graph in attribute._within(number):
                        yield from graph.locations()

    def check_texts(self) -> None:
        """Of a node: its kind and its names; runtimes fail on others in ways of their own.

        Raises:
            ValueError: one is not in UTF-8.
        """
        for number in _NODE_TEXTS:
            for begin, end in self.all(number):
                try:
                    bytes(self._view[begin:end]).decode()
                except UnicodeDecodeError as error:
                    raise ValueError("a name in it is not in UTF-8, so it is damaged, or something else") from error

    def location(self) -> str:
        """Of a tensor: the file that its data lie in; empty when they are inside."""
        for entry in self._within(_TENSOR_EXTERNAL):
            if entry._text(_ENTRY_KEY) == "location":
                return entry._text(_ENTRY_VALUE)
        return ""

    def _within(self, number: int) -> Iterator[_Message]:
        return (_Message(self._view, begin, end) for begin, end in self.all(number))

    def _text(self, number: int) -> str:
        found = [bytes(self._view[begin:end]) for begin, end in self.all(number)]
        return found[-1].decode("utf-8", "surrogateescape") if found else ""

    def _varint(self, place: int) -> tuple[int, int]:
        value = shift = 0
        while place < self._end and shift < 70:
            byte = self._view[place]
            value, place, shift = value | (byte & 0x7F) << shift, place + 1, shift + 7
            if byte < 0x80:
                return value, place
        raise ValueError("it is cut off, or something else")
