"""``--set``: keys of a recipe on the command line."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetl.cli.overrides import overlap, overridden, override

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
KEYS = st.lists(NAMES, min_size=1, max_size=4).map(".".join)
PLAIN = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)


def toml(value: Any) -> str:
    """A value as a user would write it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


@given(KEYS, VALUES)
def test_any_value_of_toml_is_what_it_is_there(key: str, value: Any) -> None:
    assert override(f"{key}={toml(value)}") == (key, value)
    assert override(f" {key} = {toml(value)} ") == (key, value)


@given(st.text(max_size=40))
def test_any_text_is_a_key_with_one_value_or_refused_in_words(text: str) -> None:
    key, _, value = map(str.strip, text.partition("="))
    try:
        found, _ = override(text)
    except ValueError as error:
        said = str(error)
    else:
        said = repr(text) if found == key else ""
    assert repr(value) in said or repr(text) in said


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=all", "all"),
        ("a=x86-vnni", "x86-vnni"),
        ("a=photos/of all kinds", "photos/of all kinds"),
        ("a=b=c", "b=c"),
        ("a=True", "True"),
        ("a=true", True),
        ("a=64", 64),
        ("a='64'", "64"),
        ("a=0.01", 0.01),
        ("a=[]", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_word_that_is_no_toml_is_a_text(text: str, value: object) -> None:
    assert override(text) == ("a", value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("quantize.search", "'quantize.search' sets no key of a recipe; expected SECTION.KEY=VALUE, as in"),
        ("=all", "sets no key"),
        (".search=all", "sets no key"),
        ("quantize..search=all", "sets no key"),
        ("quantize search=all", "sets no key"),
        ("a=", "'', which 'a' is set to, is no TOML"),
        ("a=# all", "is no TOML"),
        ("a=[equalise]", r"'\[equalise\]', which 'a' is set to, .* as in --set 'a=\[\"text\"\]'"),
        ('a="all', "is no TOML"),
        ("a=1\nb=2", "is more than one value"),
        ("a=all\nb=2", "is no TOML"),
        (f"a={'[' * 9999}", "is no TOML"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_key_with_one_value_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        override(text)


def test_keys_overlap_by_whole_names() -> None:
    assert overlap("gates", "gates.margin")
    assert overlap("gates.margin", "gates")
    assert overlap("seed", "seed")
    assert not overlap("data.fold", "data.folds")
    assert not overlap("gates.margin", "gates.target")


@given(st.dictionaries(NAMES, VALUES, max_size=3), KEYS, VALUES)
def test_a_key_is_put_into_tables_and_the_rest_stays(tables: dict[str, Any], key: str, value: Any) -> None:
    before = msgspec.json.encode(tables)
    found = overridden(tables, {key: value})
    first, *rest = key.split(".")
    inside = found[first]
    for name in rest:
        inside = inside[name]
    assert inside == value
    assert {name: one for name, one in found.items() if name != first} == {
        name: one for name, one in tables.items() if name != first
    }
    assert msgspec.json.encode(tables) == before
