"""``--set SECTION.KEY=VALUE``: what a recipe says, or would say if there were one, said on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click
import msgspec

from edgetl.cli.options import Function

_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_BARE = re.compile(r"[^\s='\"\[\]{}#][^\r\n]*")
_EXPECTED = "expected SECTION.KEY=VALUE, as in quantize.search=all"


def overrides(function: Function) -> Function:
    """``--set SECTION.KEY=VALUE``, any number of times, as values by their keys."""
    text = "Say a key of the recipe here, as in quantize.search=all, VALUE as in TOML; may be repeated."
    return click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", callback=_parsed, help=text)(
        function
    )


def override(text: str) -> tuple[str, Any]:
    """A key, such as ``gates.margin``, and its value; a word that is no TOML is a text.

    Raises:
        ValueError: says what is wrong with it.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not _KEY.fullmatch(key):
        raise ValueError(f"{text!r} sets no key of a recipe; {_EXPECTED}")
    try:
        decoded = msgspec.toml.decode(f"value = {value}")
    except (ValueError, RecursionError) as error:
        if _BARE.fullmatch(value):
            return key, value
        raise ValueError(f"{value!r}, which {key!r} is set to, is no TOML ({error}); {_in_quotes(key)}") from error
    if decoded.keys() != {"value"}:
        raise ValueError(f"{value!r}, which {key!r} is set to, is more than one value; {_EXPECTED}")
    return key, decoded["value"]


def overlap(one: str, other: str) -> bool:
    """Whether two keys are the same, or one lies within the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def overridden(tables: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a recipe's tables in which every key, such as ``gates.margin``, has its value."""
    changed: Any = dict(tables)
    for key, value in values.items():
        changed = _put(changed, key.split("."), value)
    return dict(changed)


def check_agreement(said: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Refuse what flags say otherwise.

    Args:
        said: by flags, by keys of the recipe.
        values: that ``--set`` gives.

    Raises:
        click.UsageError: names the key.
    """
    for key, value in values.items():
        for other, given in said.items():
            if overlap(key, other) and (key, value) != (other, given):
                raise click.UsageError(
                    f"--set {key}={value!r} contradicts another flag, by which {other} is {given!r}; give one of them"
                )


def _parsed(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in texts:
        try:
            key, value = override(text)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from error
        twice = next((other for other in found if overlap(key, other)), None)
        if twice is not None:
            raise click.BadParameter(f"{key!r} says again what {twice!r} says; give one of them", context, parameter)
        found[key] = value
    return found


def _put(table: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    inside = table if isinstance(table, dict) else {}
    return {**inside, path[0]: _put(inside.get(path[0]), path[1:], value)}


def _in_quotes(key: str) -> str:
    return f"a shell takes quotes away, unless others stand around them, as in --set '{key}=[\"text\"]'"
