"""The parts of benchmarking.md that follow from code: every code of a finding, and every column of a CSV file."""

from __future__ import annotations

from edgetl.report.csv_columns import COLUMNS
from edgetl.report.markdown import table_rows
from edgetl.report.page import Column, Table
from edgetl.validity import CODES


def page(text: str) -> str:
    """The page with its tables made again."""
    codes = tuple((f"`{code}`", severity, meaning) for code, (severity, meaning) in CODES.items())
    columns = tuple((f"`{name}`", field.meaning) for name, field in COLUMNS.items())
    text = _between("results", text, _table(("code", "severity", "meaning"), codes))
    return _between("columns", text, _table(("column", "meaning"), columns))


def _between(mark: str, text: str, new: str) -> str:
    begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->\n"
    before, rest = text.split(begin)
    return f"{before}{begin}{new}\n{end}{rest.split(end)[1]}"


def _table(titles: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    return table_rows(Table("", tuple(map(Column, titles)), rows))
