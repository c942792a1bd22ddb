"""What heat does to a long run: its first minute against its last."""

from __future__ import annotations

from edgetl.report import numbers
from edgetl.report.candidates import is_timed, ordered
from edgetl.report.page import Column, Table
from edgetl.result import CandidateResult, Result
from edgetl.samples.minutes import Minutes, first_and_last_minute


def minutes_table(result: Result) -> Table:
    """First and last minute of every candidate that ran for at least two; of a sustained run, who did not and why."""
    columns = (
        Column("Candidate"),
        Column("First minute p50", "right"),
        Column("Last minute p50", "right"),
        Column("Ratio", "right"),
        Column("What that says"),
    )
    rows = tuple(
        (one.name, *_row(found, one))
        for one in ordered(result)
        if is_timed(one) and ((found := minutes_of(one)) is not None or result.effort == "sustained")
    )
    return Table("First minute against last", columns, rows)


def minutes_of(candidate: CandidateResult) -> Minutes | None:
    """The medians of a candidate's first and last minute; ``None`` where they are unknown."""
    latency = candidate.latency
    if latency is None:
        return None
    return first_and_last_minute(latency.samples_ns, latency.blocks, latency.block_starts_ns)


def _row(found: Minutes | None, candidate: CandidateResult) -> tuple[str, ...]:
    if found is None:
        why = "only throughput was measured" if candidate.latency is None else "it ran for less than two minutes"
        return (*(numbers.UNKNOWN,) * 3, f"unknown: {why}")
    change = numbers.percent(abs(found.ratio - 1))
    words = f"{change} slower at the end" if found.ratio > 1 else f"{change} faster at the end"
    cells = (numbers.duration(found.first_ns), numbers.duration(found.last_ns), numbers.fine_ratio(found.ratio))
    return (*cells, "no change" if change == numbers.percent(0.0) else words)
