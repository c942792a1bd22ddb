"""Whether two results measured the same thing in the same place."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edgetl.device.bench.comparable import strictness_difference
from edgetl.result import Result


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (("W-LOAD", "W-TURBO"), (), "strictness differs: --strict W-LOAD --strict W-TURBO against no --strict; "),
        ((), ("W-LOAD",), "strictness differs: no --strict against --strict W-LOAD; "),
        (("W-LOAD", "W-TURBO"), ("W-TURBO", "W-LOAD"), None),
        (None, ("W-LOAD",), None),
    ],
    ids=["first", "second", "same", "an older file does not say"],
)
def test_strictness_differs_only_where_both_say_so(
    result: Result, ours: tuple[str, ...] | None, theirs: tuple[str, ...] | None, words: str | None
) -> None:
    told = strictness_difference(replace(result, strict=ours), replace(result, strict=theirs))
    assert (told or "")[: len(words or "")] == (words or "")
    assert (told is None) == (words is None)
