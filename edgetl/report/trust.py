"""Whether measurements may be believed, in tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgetl.report import numbers
from edgetl.report.candidates import ordered
from edgetl.report.page import Column, Table
from edgetl.result import CandidateResult, Result
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


def doubts_table(result: Result) -> Table:
    """Everything that speaks against the numbers, each once; notes are only named, with their meanings."""
    columns = (Column("Code"), Column("Severity"), Column("Of"), Column("What was seen"))
    of: dict[str, list[str]] = {}
    first: dict[str, Finding] = {}
    notes: dict[str, None] = {}
    judged = [one for one in ordered(result) if one.validity is not None]
    for name, finding in _findings(result):
        if severity(finding) == "note":
            notes[finding.code] = None
            continue
        key = f"{finding.code} {finding.message}"
        first.setdefault(key, finding)
        of.setdefault(key, []).append(name)
    rows: tuple[tuple[str, ...], ...] = tuple(
        (one.code, severity(one), "all" if len(of[key]) == len(judged) else ", ".join(of[key]), one.message)
        for key, one in first.items()
    )
    remarks = (f"Notes: {', '.join(f'{code} ({CODES[code][1]})' for code in notes)}.",) if notes else ()
    if not rows:
        rows = _without_doubts(judged)
    return Table("May these numbers be believed?", columns, rows, remarks)


def timing_sentence(result: Result) -> str | None:
    """The worst verdict on any candidate's timing, with the codes it stands for; ``None`` where none was judged."""
    verdicts = {one.validity.verdict for one in result.candidates if one.validity is not None}
    worst = next((verdict for verdict in ("invalid", "degraded", "valid") if verdict in verdicts), None)
    if worst is None:
        return None
    codes = dict.fromkeys(finding.code for _, finding in _findings(result) if severity(finding) != "note")
    if worst != "valid" and not codes:
        return f"Timing is {worst}: a note was named with --strict."
    return f"Timing is {worst}{': ' if codes else ''}{', '.join(codes)}."


def machine_findings_table(result: Result) -> Table:
    """What speaks against the machine itself, whatever was measured."""
    found = result.state.findings if result.state is not None else ()
    columns = (Column("Code"), Column("Severity"), Column("What was seen"))
    return Table("Found of the machine, before and while measuring", columns, tuple(map(_finding, found)))


def severity(finding: Finding) -> str:
    """How much a finding matters; ``unknown`` of a code that this version does not have."""
    return CODES[finding.code][0] if finding.code in CODES else "unknown"


def _without_doubts(judged: Sequence[CandidateResult]) -> tuple[tuple[str, ...], ...]:
    """Only a code that was named with ``--strict`` makes a measurement worse than its findings."""
    strict = [one for one in judged if one.validity is not None and one.validity.verdict != "valid"]
    if strict:
        names = ", ".join(one.name for one in strict)
        return ((numbers.UNKNOWN, "invalid", names, "a note below was named with --strict"),)
    return ((numbers.UNKNOWN, "valid", "all", "nothing speaks against these numbers"),) if judged else ()


def _finding(finding: Finding) -> tuple[str, str, str]:
    meaning = CODES[finding.code][1] if finding.code in CODES else "a code of another version"
    return finding.code, severity(finding), finding.message or meaning


def _findings(result: Result) -> Iterator[tuple[str, Finding]]:
    for one in ordered(result):
        for finding in one.validity.findings if one.validity is not None else ():
            yield one.name, finding
