"""``edgetl compare``: what one result is against another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgetl.cli.fail_if import fail_if, refuse
from edgetl.cli.options import ANY_PATH, common
from edgetl.cli.output import Output

if TYPE_CHECKING:
    from edgetl.pair import Condition


@click.command()
@click.argument("first", type=ANY_PATH, metavar="A.json")
@click.argument("second", type=ANY_PATH, metavar="B.json")
@fail_if
@click.option(
    "--allow-other-machine", is_flag=True, help="Show ratios across machines, too; every verdict is inconclusive then."
)
@common
def compare(
    output: Output, first: Path, second: Path, fail_if: tuple[Condition, ...], margin: float, allow_other_machine: bool
) -> None:
    """Say what B.json is against A.json, two results of bench or qualify: which candidates became faster or slower.

    Candidates of the same name are compared; of two files, whose candidates share no name, those of the same runtime,
    precision and threads.

    Faster and slower need the whole 95 % interval of the ratio of medians beyond the margin, equivalent needs it
    within the margin; all else is inconclusive. Separate runs say less than one: edgetl bench A B --fail-if slower.
    """
    from edgetl.device.bench.compare_results import CompareSettings, compare_results
    from edgetl.report.comparison import comparison_page, lost_words, verdict_words
    from edgetl.result import read_result

    settings = CompareSettings(margin, fail_if, allow_other_machine)
    compared = compare_results(read_result(first), read_result(second), settings)
    output.answer(compared, comparison_page(compared, str(first), str(second)))
    verdicts = [f"{pair.second}: {verdict_words(pair)}" for pair in compared.failed]
    refuse(fail_if, [*verdicts, *map(lost_words, compared.lost)])
