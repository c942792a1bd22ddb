"""What a word that nobody knows may have been meant to be, in a file above all."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import msgspec
from msgspec.inspect import DictType, StructType, Type, UnionType, VarTupleType, type_info

_PLACE = re.compile(r" - at `\$(.*)`$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message: the known word closest to one that is not; empty when none is close."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def placed(error: msgspec.ValidationError, kind: type[msgspec.Struct], place: str = "$") -> str:
    """What is wrong in data for ``kind``, with where it stands and, for an unknown key, the closest known one.

    Args:
        place: where the data stand in their file.
    """
    found = _PLACE.search(str(error))
    inside, problem = (found[1], str(error)[: found.start()]) if found else ("", str(error))
    where = f" - at `{place}{inside}`" if place + inside != "$" else ""
    unknown = _UNKNOWN.fullmatch(problem)
    return f"{problem}{where}{did_you_mean(unknown[1], _keys(kind, inside)) if unknown else ''}"


def _keys(kind: type[msgspec.Struct], inside: str) -> tuple[str, ...]:
    """Names of the fields of what stands at a place such as ``.gates.target[...]``."""
    here: Type = type_info(kind)
    for name in re.findall(r"\.(\w+)|\[", inside):
        if isinstance(here, StructType):
            here = next(field.type for field in here.fields if field.encode_name == name)
        elif isinstance(here, DictType):
            here = here.value_type
        elif isinstance(here, VarTupleType):
            here = here.item_type
        if isinstance(here, UnionType):
            here = next((one for one in here.types if isinstance(one, StructType)), here)
    return tuple(field.encode_name for field in here.fields) if isinstance(here, StructType) else ()
