"""The tables of benchmarking.md that follow from code: every effort, every code of a finding, and every CSV column."""

from __future__ import annotations

from typing import NamedTuple

from edgetl.device.bench.plan import HEADLINE, PLANS, Plan
from edgetl.device.bench.timing.warm_up import CALLS_MIN, WINDOWS
from edgetl.report import numbers
from edgetl.report.csv_columns import COLUMNS
from edgetl.report.markdown import table_rows
from edgetl.report.page import Column, Table
from edgetl.validity import CODES


class Slowest(NamedTuple):
    """The time of one call, in seconds, above which a model is too slow."""

    for_samples: float
    """For there to be samples enough when the plan's cap is reached."""
    for_warm_up: float
    """For the last of the windows that are compared to begin before the cap of warm-up."""


def page(text: str) -> str:
    """The page with its tables made again."""
    codes = tuple((f"`{code}`", severity, meaning) for code, (severity, meaning) in CODES.items())
    columns = tuple((f"`{name}`", field.meaning) for name, field in COLUMNS.items())
    text = _between("efforts", text, _efforts())
    text = _between("results", text, _table(("code", "severity", "meaning"), codes))
    return _between("columns", text, _table(("column", "meaning"), columns))


def slowest(plan: Plan) -> Slowest:
    """From where a model is too slow for a plan.

    A window begins before the cap or not at all, so the last one may end after it.
    """
    return Slowest(plan.cap_s / plan.min_samples, plan.warmup_cap_s / (CALLS_MIN * (WINDOWS - 1)))


def _efforts() -> str:
    rows = []
    for effort, plan in PLANS.items():
        limits = (f"{limit * 1e3:,.4g} ms" for limit in slowest(plan))
        needed = f"{numbers.count(plan.min_samples)} for p{HEADLINE[effort]:g}"
        rows.append((f"`{effort}`", needed, f"{plan.cap_s:g} s", *limits))
    titles = ("effort", "inferences", "in at most", "`W-FEW-SAMPLES` above", "`W-UNSTEADY` above")
    return _table(titles, tuple(rows))


def _between(mark: str, text: str, new: str) -> str:
    begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->\n"
    before, rest = text.split(begin)
    return f"{before}{begin}{new}\n{end}{rest.split(end)[1]}"


def _table(titles: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    return table_rows(Table("", tuple(map(Column, titles)), rows))
