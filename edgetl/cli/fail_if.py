"""``--fail-if`` and ``--margin``: verdicts that make a command fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from edgetl.cli.amounts import small_fraction
from edgetl.cli.failures import missed
from edgetl.cli.options import Function

if TYPE_CHECKING:
    from edgetl.pair import Condition

CONDITIONS: tuple[Condition, ...] = ("slower", "inconclusive", "not-faster")


def fail_if(function: Function) -> Function:
    """``--fail-if CONDITION``, any number of times, and ``--margin P%``; the command gets a tuple and a fraction."""
    text = "Exit code 3 when this is the verdict on any candidate, or when one cannot be timed; may be repeated."
    margin = click.option(
        "--margin",
        default="2%",
        show_default=True,
        callback=small_fraction,
        metavar="P%",
        help="A difference up to this counts as none.",
    )
    conditions = click.option("--fail-if", type=click.Choice(CONDITIONS), multiple=True, callback=_ordered, help=text)
    return conditions(margin(function))


def refuse(conditions: Sequence[Condition], reasons: Sequence[str]) -> None:
    """End the command with exit code 3 where there are conditions and reasons; its answer has been given by then."""
    if conditions and reasons:
        missed(f"refused by --fail-if {', '.join(conditions)} ({'; '.join(reasons)})")


def _ordered(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[Condition, ...]:
    return tuple(condition for condition in CONDITIONS if condition in given)
