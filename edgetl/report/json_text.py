"""Values as JSON, as answers and as files have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec


def json_bytes(document: Any) -> bytes:
    """One JSON document in UTF-8, indented; paths are text, and what is no number is ``null``."""
    try:
        return msgspec.json.format(msgspec.json.encode(document, enc_hook=_plain), indent=2)
    except UnicodeEncodeError:
        # A file name that is not UTF-8: escaped, so that Python reads the very name again.
        return ascii_json(msgspec.to_builtins(document, str_keys=True, enc_hook=_plain)).encode()


def ascii_json(document: Any) -> str:
    """The same with every other sign escaped, of what is made of lists, dictionaries, text and numbers."""
    # NaN is null, as msgspec has it
    return json.dumps(json.loads(json.dumps(document), parse_constant=lambda _: None), indent=2)


def _plain(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"cannot write {type(value).__name__} as JSON")
