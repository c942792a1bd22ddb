"""``edgetl compare``: what one result is against another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgetl.cli.amounts import small_fraction
from edgetl.cli.failures import missed
from edgetl.cli.options import ANY_PATH, common
from edgetl.cli.output import Output

if TYPE_CHECKING:
    from edgetl.comparison import Condition

CONDITIONS: tuple[Condition, ...] = ("slower", "inconclusive", "not-faster")


@click.command()
@click.argument("first", type=ANY_PATH, metavar="A.json")
@click.argument("second", type=ANY_PATH, metavar="B.json")
@click.option(
    "--fail-if",
    type=click.Choice(CONDITIONS),
    multiple=True,
    help="End with exit code 3 when that is the verdict on any candidate; may be given more than once.",
)
@click.option(
    "--margin", default="2%", show_default=True, callback=small_fraction, metavar="P%", help="What does not matter."
)
@click.option(
    "--allow-other-machine", is_flag=True, help="Compare across machines too; no verdict is better than inconclusive."
)
@common
def compare(
    output: Output, first: Path, second: Path, fail_if: tuple[str, ...], margin: float, allow_other_machine: bool
) -> None:
    """Say what B.json is against A.json, two results of bench or qualify: which candidates became faster or slower.

    Faster and slower need the whole 95 % interval of the ratio of medians beyond the margin, equivalent needs it
    within the margin; all else is inconclusive.
    """
    from edgetl.device.bench.compare_results import CompareSettings, compare_results
    from edgetl.report.comparison import comparison_page, verdict_words
    from edgetl.result import read_result

    conditions = tuple(condition for condition in CONDITIONS if condition in fail_if)
    settings = CompareSettings(margin, conditions, allow_other_machine)
    compared = compare_results(read_result(first), read_result(second), settings)
    output.answer(compared, comparison_page(compared, str(first), str(second)))
    if not compared.passed:
        verdicts = "; ".join(f"{pair.second}: {verdict_words(pair)}" for pair in compared.failed)
        missed(f"refused by --fail-if {', '.join(conditions)} ({verdicts})")
