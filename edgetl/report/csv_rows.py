"""A result as a table for programs: one row for each candidate."""

from __future__ import annotations

import csv
import io
import math

from edgetl.report.candidates import ordered
from edgetl.report.csv_columns import COLUMNS, Cell
from edgetl.result import Result


def csv_bytes(result: Result) -> bytes:
    """CSV in UTF-8 (RFC 4180, with a header), numbers in full precision, and nothing where a value is unknown.

    The columns are :data:`edgetl.report.csv_columns.COLUMNS`, all of them whatever was measured. The rows stand as in
    other reports: the fastest first, those that were not timed last.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in ordered(result):
        writer.writerow([_text(field.value(result, one)) for field in COLUMNS.values()])
    return text.getvalue().encode("utf-8", "backslashreplace")


def _text(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    return ("true" if cell else "false") if isinstance(cell, bool) else str(cell)
