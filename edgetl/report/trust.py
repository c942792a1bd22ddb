"""Whether measurements may be believed, in tables."""

from __future__ import annotations

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


def _finding(finding: Finding) -> tuple[str, str, str]:
    severity, meaning = CODES.get(finding.code, ("unknown", "a code of another version"))
    return finding.code, severity, finding.message or meaning
