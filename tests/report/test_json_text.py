"""Documents in parts are the documents."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from edgetl.report.json_text import json_bytes, json_parts
from edgetl.result import Result
from edgetl.telemetry import Channel, Missing, Series, Telemetry


class Nothing(msgspec.Struct):
    pass


class Sparse(msgspec.Struct, omit_defaults=True):
    name: str
    absent: int | None = None


class Renamed(msgspec.Struct, rename="camel"):
    two_words: tuple[object, ...]


DOCUMENTS = {
    "structure": Telemetry(5, (Series(Channel("s", "n\n", "power"), (1, 2), (1.5, None)),), (Missing("z", 'no "z"'),)),
    "empty structure": Nothing(),
    "defaults left out": [Sparse("a"), Sparse("b", 1)],
    "other names": Renamed((Nothing(), 1, "x", [], Path("a/b"), {"k": Sparse("c")})),
    "no structure": {"a": [1, {"b": []}], "c": float("nan")},
    "number": 3,
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_parts_are_what_msgspec_would_write_at_once(document: object) -> None:
    assert json_bytes(document) == msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2)


def test_a_name_that_is_not_utf8_is_escaped_and_nothing_else() -> None:
    telemetry = Telemetry(5, (), (Missing("café", "caf\udce9"),))
    text = json_bytes(telemetry)
    assert b"caf\\udce9" in text
    assert json.loads(text)["missing"][0]["sensor"] == "café"


def test_no_part_is_longer_than_one_field(full: Result) -> None:
    series = tuple(Series(Channel("s", str(n), "power"), (10**14,) * 500, (1.5,) * 500) for n in range(20))
    result = msgspec.structs.replace(full, telemetry=Telemetry(5, series))
    parts = list(json_parts(result))
    assert max(map(len, parts)) < len(b"".join(parts)) / 20
