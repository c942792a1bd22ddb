"""Values as JSON, as answers and as files have it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

_INDENT = 2


def json_bytes(document: Any) -> bytes:
    """One JSON document in UTF-8, indented; paths are text, and what is no number is ``null``."""
    return b"".join(json_parts(document))


def json_parts(document: Any, depth: int = 0) -> Iterator[bytes]:
    """The same document in parts that follow each other, none of them longer than one field of a structure in it.

    Args:
        depth: how deep in another document it stands.
    """
    if isinstance(document, msgspec.Struct) and _is_written_whole(document):
        names, fields = document.__struct_encode_fields__, document.__struct_fields__
        keys = [msgspec.json.encode(name) + b": " for name in names]
        yield from _enclosed(b"{}", keys, [getattr(document, field) for field in fields], depth)
    elif isinstance(document, (tuple, list)) and any(isinstance(one, msgspec.Struct) for one in document):
        yield from _enclosed(b"[]", [b""] * len(document), document, depth)
    else:
        yield _leaf(document).replace(b"\n", _line(depth))


def _is_written_whole(document: msgspec.Struct) -> bool:
    """Whether a structure is an object of all its fields and nothing else."""
    config = document.__struct_config__
    is_plain = not (config.omit_defaults or config.array_like or config.tag is not None)
    return is_plain and bool(document.__struct_fields__)


def _enclosed(brackets: bytes, keys: Sequence[bytes], values: Sequence[Any], depth: int) -> Iterator[bytes]:
    before = brackets[:1]
    for key, value in zip(keys, values, strict=True):
        yield before + _line(depth + 1) + key
        yield from json_parts(value, depth + 1)
        before = b","
    yield _line(depth) + brackets[1:]


def _line(depth: int) -> bytes:
    return b"\n" + b" " * (_INDENT * depth)


def _leaf(document: Any) -> bytes:
    try:
        return msgspec.json.format(msgspec.json.encode(document, enc_hook=_plain), indent=_INDENT)
    except UnicodeEncodeError:
        # A file name that is not UTF-8: escaped, so that Python reads the very name again.
        return ascii_json(msgspec.to_builtins(document, str_keys=True, enc_hook=_plain)).encode()


def ascii_json(document: Any) -> str:
    """The same with every other sign escaped, of what is made of lists, dictionaries, text and numbers."""
    # NaN is null, as msgspec has it
    return json.dumps(json.loads(json.dumps(document), parse_constant=lambda _: None), indent=_INDENT)


def _plain(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"cannot write {type(value).__name__} as JSON")
