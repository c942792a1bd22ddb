"""Whether measurements may be believed, in tables."""

from __future__ import annotations

from collections.abc import Iterator

from edgetl.report import numbers
from edgetl.report.candidates import ordered
from edgetl.report.page import Column, Table
from edgetl.result import Result
from edgetl.validity import CODES, Finding


def findings_table(result: Result) -> Table:
    """The verdict on each candidate's measurement, and everything that speaks against it."""
    columns = (Column("Candidate"), Column("Measurement"), Column("Code"), Column("Severity"), Column("What was seen"))
    rows: list[tuple[str, ...]] = []
    for candidate in ordered(result):
        validity = candidate.validity
        if validity is None:
            continue
        if not validity.findings:
            rows.append((candidate.name, validity.verdict, numbers.UNKNOWN, numbers.UNKNOWN, "nothing against it"))
        rows += [(candidate.name, validity.verdict, *_finding(one)) for one in validity.findings]
    return Table("What speaks for and against the measurements", columns, tuple(rows))


def machine_findings_table(result: Result) -> Table:
    """What speaks against the machine itself, whatever was measured."""
    found = result.state.findings if result.state is not None else ()
    columns = (Column("Code"), Column("Severity"), Column("What was seen"))
    return Table("Found of the machine, before and while measuring", columns, tuple(map(_finding, found)))


def doubts_table(result: Result) -> Table:
    """Everything that speaks against the numbers, each once; notes are named below."""
    columns = (Column("Code"), Column("Severity"), Column("Of"), Column("What was seen"))
    of: dict[str, list[str]] = {}
    first: dict[str, Finding] = {}
    notes: dict[str, None] = {}
    judged = [one for one in ordered(result) if one.validity is not None]
    for name, finding in _findings(result):
        if finding.severity == "note":
            notes[finding.code] = None
            continue
        key = f"{finding.code} {finding.message}"
        first.setdefault(key, finding)
        of.setdefault(key, []).append(name)
    rows: tuple[tuple[str, ...], ...] = tuple(
        (one.code, one.severity, "all" if len(of[key]) == len(judged) else ", ".join(of[key]), one.message)
        for key, one in first.items()
    )
    remarks = (f"Notes, explained in the result file: {', '.join(notes)}.",) if notes else ()
    if not rows and judged:
        rows = (("-", "valid", "all", "nothing speaks against these numbers"),)
    return Table("May these numbers be believed?", columns, rows, remarks)


def timing_sentence(result: Result) -> str | None:
    """The worst verdict on any candidate's timing, with the codes it stands for; ``None`` where none was judged."""
    verdicts = {one.validity.verdict for one in result.candidates if one.validity is not None}
    worst = next((verdict for verdict in ("invalid", "degraded", "valid") if verdict in verdicts), None)
    if worst is None:
        return None
    codes = dict.fromkeys(finding.code for _, finding in _findings(result) if finding.severity != "note")
    return f"Timing is {worst}{': ' if codes else ''}{', '.join(codes)}."


def _finding(finding: Finding) -> tuple[str, str, str]:
    severity, meaning = CODES.get(finding.code, ("unknown", "a code of another version"))
    return finding.code, severity, finding.message or meaning


def _findings(result: Result) -> Iterator[tuple[str, Finding]]:
    for one in ordered(result):
        for finding in one.validity.findings if one.validity is not None else ():
            yield one.name, finding
