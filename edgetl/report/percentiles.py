"""How far each percentile is known."""

from __future__ import annotations

from edgetl.report import numbers
from edgetl.report.candidates import ordered
from edgetl.report.page import Column, Table
from edgetl.result import Percentile, Result


def percentiles_table(result: Result, *, highest_only: bool = False) -> Table:
    """A row for each percentile that the samples of a candidate support; none of files that do not say.

    Args:
        result: of a run.
        highest_only: leaves out all but the last of each candidate, where there is little room.
    """
    columns = (
        Column("Candidate"),
        Column("Percentile", "right"),
        Column("Value", "right"),
        Column("95 % interval", "right"),
        Column("99 % upper bound", "right"),
    )
    rows = tuple(
        (one.name, f"p{found.percent:g}", *_cells(found))
        for one in ordered(result)
        if one.latency is not None
        for found in one.latency.percentiles[-1 if highest_only else 0 :]
    )
    remark = "Both hold for independent samples (W-CORRELATED says where they are not); limits are judged by the bound."
    return Table("Uncertainty of percentiles", columns, rows, (remark,))


def _cells(found: Percentile) -> tuple[str, str, str]:
    ends = f"{numbers.duration(found.low_ns)} to {numbers.duration(found.high_ns)}"
    return numbers.duration(found.value_ns), ends, numbers.duration(found.bound_ns)
