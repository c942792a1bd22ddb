"""``--strict CODE``: what speaks against a measurement makes a command fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from edgetl.cli.failures import missed
from edgetl.cli.options import Function

if TYPE_CHECKING:
    from edgetl.result import Result


def strict(function: Function) -> Function:
    """``--strict CODE``, any number of times; the command gets a set of known codes."""
    text = "Where this code (W-LOAD, say) is found, timing is invalid and the exit code is 3; may be repeated."
    return click.option("--strict", multiple=True, metavar="CODE", callback=_known, help=text)(function)


def hold_to(result: Result, strict: frozenset[str]) -> None:
    """End the command with exit code 3 when a code that was named was found; its answer has been given by then."""
    of: dict[tuple[str, str], list[str]] = {}
    judged = [(one.name, one.validity.findings) for one in result.candidates if one.validity is not None]
    for name, findings in judged:
        for finding in findings:
            if finding.code in strict:
                of.setdefault((finding.code, finding.message), []).append(name)
    if of:
        missed("; ".join(f"{code}{_of(names, len(judged))}: {message}" for (code, message), names in of.items()))


def _of(names: Sequence[str], judged: int) -> str:
    """Whose finding it is, unless all have it."""
    return "" if len(names) == judged else f" of {', '.join(names)}"


def _known(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> frozenset[str]:
    from edgetl.validity import CODES  # msgspec only where codes are named

    for code in given:
        if code.upper() not in CODES:
            raise click.BadParameter(
                f"{code!r} is no code; expected one of: {', '.join(CODES)}", context, parameter, param_hint="--strict"
            )
    return frozenset(map(str.upper, given))
