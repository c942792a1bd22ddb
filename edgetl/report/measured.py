"""One result in all detail: what a page for a browser shows, with charts that answer when pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgetl.report import numbers
from edgetl.report.accuracy import checks_table
from edgetl.report.candidates import ordered, start_table
from edgetl.report.comparison import side_by_side_table
from edgetl.report.document import Block, Section, present
from edgetl.report.energy import energy_table, missing_sensors_table
from edgetl.report.executed import precision_table, roofline_table
from edgetl.report.load import measured_sentence
from edgetl.report.machine import machine_table, software_table
from edgetl.report.minutes import minutes_table
from edgetl.report.page import Table
from edgetl.report.percentiles import percentiles_table
from edgetl.report.pictures.distribution import CANDIDATES_MAX, distribution_picture
from edgetl.report.pictures.front import front_picture
from edgetl.report.pictures.latency import latency_picture
from edgetl.report.pictures.over_time import POINTS_MAX, over_time_picture
from edgetl.report.state import clocks_table, state_before_table
from edgetl.report.trust import findings_table, machine_findings_table
from edgetl.report.verdicts import end_to_end_table, load_table, verdicts_table
from edgetl.result import Result

_POINTS_TOTAL = 16_000
"""Of all candidates of a result, so that a page with many stays small."""


def in_detail(result: Result, suffix: str) -> Sequence[Section]:
    """Every section about one result; ``suffix`` tells several results apart."""
    dash = suffix.replace(" ", "-")
    tables = (
        _said_once(verdicts_table(result), "Measured"),
        side_by_side_table(result),
        percentiles_table(result),
        load_table(result),
        minutes_table(result),
    )
    front = front_picture(result, f"front{dash}.svg") or latency_picture(result, f"latency{dash}.svg")
    checks = [
        checks_table(f"{one.name}: {'rejected' if one.rejected_because else 'passed'}", one.checks)
        for one in result.candidates
    ]
    here = result.environment
    machine = (state_before_table(result), clocks_table(result), machine_table(here), software_table(here))
    return [
        Section(f"Candidates{suffix}", present(measured_sentence(result), front, *tables)),
        Section(f"Trust{suffix}", present(findings_table(result), machine_findings_table(result))),
        Section(f"Distribution of latency{suffix}", present(distribution_picture(result, f"distribution{dash}.svg"))),
        Section(f"Latency over time{suffix}", _over_time(result, dash)),
        Section(f"Other costs{suffix}", present(*_costs(result))),
        Section(f"Checks on the device{suffix}", present(*checks)),
        Section(f"The device{suffix}", present(*machine, missing_sensors_table(result))),
    ]


def _said_once(table: Table, title: str) -> Table:
    """The table with a sentence in place of the column of that title, where all rows that know it say the same."""
    place = [column.title for column in table.columns].index(title)
    said = {row[place] for row in table.rows} - {numbers.UNKNOWN}
    if len(said) != 1:
        return table
    columns = (*table.columns[:place], *table.columns[place + 1 :])
    rows = tuple((*row[:place], *row[place + 1 :]) for row in table.rows)
    return replace(table, columns=columns, rows=rows, remarks=(f"{title}: {said.pop()}.", *table.remarks))


def _costs(result: Result) -> tuple[Block, ...]:
    executed = (precision_table(result), roofline_table(result))
    return (end_to_end_table(result), start_table(result), energy_table(result), *executed)


def _over_time(result: Result, dash: str) -> tuple[Block, ...]:
    timed = [one for one in ordered(result) if one.latency is not None and one.latency.samples_ns]
    drawn = timed[:CANDIDATES_MAX]
    limit = min(POINTS_MAX, _POINTS_TOTAL // max(len(drawn), 1))
    charts = []
    for place, one in enumerate(drawn, 1):
        chart = over_time_picture(one, result, f"time{dash}-{place}.svg", limit)
        if chart is not None:
            charts.append(replace(chart, folded=one.name if place > 1 else ""))
    more = len(timed) - len(drawn)
    return (*charts, f"{numbers.counted(more, 'candidate')} of higher latency not drawn.") if more else tuple(charts)
