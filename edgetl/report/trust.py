"""Whether measurements may be believed, in tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.report import numbers
from edgetl.report.candidates import ordered
from edgetl.report.page import Column, Table
from edgetl.result import CandidateResult, Result
from edgetl.validity import CODES, Finding

_COLUMNS = (Column("Code"), Column("Severity"), Column("Of"), Column("What was seen"))
_WORST = ("invalid", "degraded", "unknown", "note")


@dataclass(frozen=True)
class _Said:
    """A finding and the names of its candidates."""

    finding: Finding
    of: tuple[str, ...]


def findings_table(result: Result) -> Table:
    """Everything that speaks against the measurements, the worst first, each once; the verdicts stand below."""
    judged = _judged(result)
    found = sorted(_grouped(judged), key=lambda one: _WORST.index(severity(one.finding, strict_codes(result))))
    rows = _rows(found, len(judged), strict_codes(result))
    clean = [one.name for one in judged if one.validity is not None and not one.validity.findings]
    if clean:
        rows += ((numbers.UNKNOWN, "valid", _names(clean, len(judged)), "nothing speaks against it"),)
    return Table("What speaks against the measurements", _COLUMNS, rows, _verdicts(judged))


def doubts_table(result: Result) -> Table:
    """Everything that speaks against the numbers, each once; notes are only named, with their meanings."""
    judged = _judged(result)
    found, strict = _grouped(judged), strict_codes(result)
    notes = dict.fromkeys(one.finding.code for one in found if severity(one.finding, strict) == "note")
    rows = _rows([one for one in found if severity(one.finding, strict) != "note"], len(judged), strict)
    remarks = (f"Notes: {', '.join(f'{code} ({CODES[code][1]})' for code in notes)}.",) if notes else ()
    return Table("May these numbers be believed?", _COLUMNS, rows or _without_doubts(judged), remarks)


def timing_sentence(result: Result) -> str | None:
    """The worst verdict on any candidate's timing, with the codes it stands for; ``None`` where none was judged."""
    verdicts = {one.validity.verdict for one in result.candidates if one.validity is not None}
    worst = next((verdict for verdict in ("invalid", "degraded", "valid") if verdict in verdicts), None)
    if worst is None:
        return None
    judged, strict = _judged(result), strict_codes(result)
    of = [one for one in judged if one.validity is not None and one.validity.verdict == worst]
    subject = "Timing" if len(of) == len(judged) else f"Timing of {', '.join(one.name for one in of)}"
    blamed = {worst, "unknown"}
    codes = dict.fromkeys(one.finding.code for one in _grouped(of) if severity(one.finding, strict) in blamed)
    if worst != "valid" and not codes:
        return f"{subject} is {worst}: a code was named with --strict."
    return f"{subject} is {worst}{': ' if codes else ''}{', '.join(codes)}."


def unranked(result: Result) -> tuple[str, ...]:
    """Of a benchmark that selected nothing, why."""
    return ("No candidate is selected, because all timing is invalid.",) if result.selected is None else ()


def machine_findings_table(result: Result) -> Table:
    """What speaks against the machine itself, whatever was measured, and was not said of the candidates already."""
    said = {(one.finding.code, _seen(one.finding)) for one in _grouped(_judged(result))}
    found = result.state.findings if result.state is not None else ()
    columns = (Column("Code"), Column("Severity"), Column("What was seen"))
    strict = strict_codes(result)
    rows = tuple((one.code, _weight(one, strict), _seen(one)) for one in found if (one.code, _seen(one)) not in said)
    return Table("Found of the machine, before and while measuring", columns, rows)


def strict_codes(result: Result) -> frozenset[str]:
    """The codes that were named with ``--strict``; none where an older file does not say."""
    return frozenset(result.strict or ())


def severity(finding: Finding, strict: frozenset[str] = frozenset()) -> str:
    """How much a finding matters; ``unknown`` of a code that this version does not have.

    Args:
        finding: what speaks against a measurement.
        strict: codes that make it invalid whatever they are.
    """
    if finding.code in strict:
        return "invalid"
    return CODES[finding.code][0] if finding.code in CODES else "unknown"


def _weight(finding: Finding, strict: frozenset[str]) -> str:
    """Its severity in a cell, with the reason where ``--strict`` made it that."""
    raised = severity(finding, strict) != severity(finding)
    return f"{severity(finding, strict)}{' (strict)' if raised else ''}"


def _without_doubts(judged: Sequence[CandidateResult]) -> tuple[tuple[str, ...], ...]:
    """Older files do not name the codes of ``--strict``, which make a measurement worse than its findings."""
    strict = [one for one in judged if one.validity is not None and one.validity.verdict != "valid"]
    if strict:
        names = ", ".join(one.name for one in strict)
        return ((numbers.UNKNOWN, "invalid", names, "a note below was named with --strict"),)
    return ((numbers.UNKNOWN, "valid", "all", "nothing speaks against these numbers"),) if judged else ()


def _judged(result: Result) -> list[CandidateResult]:
    return [one for one in ordered(result) if one.validity is not None]


def _grouped(judged: Sequence[CandidateResult]) -> tuple[_Said, ...]:
    """Each finding once, with the candidates it is of; those that say the same are one, whatever their evidence."""
    first: dict[tuple[str, str], Finding] = {}
    of: dict[tuple[str, str], dict[str, None]] = {}
    for one in judged:
        for finding in one.validity.findings if one.validity is not None else ():
            key = finding.code, _seen(finding)
            first.setdefault(key, finding)
            of.setdefault(key, {})[one.name] = None
    return tuple(_Said(finding, tuple(of[key])) for key, finding in first.items())


def _rows(found: Sequence[_Said], judged: int, strict: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (one.finding.code, _weight(one.finding, strict), _names(one.of, judged), _seen(one.finding)) for one in found
    )


def _names(names: Sequence[str], judged: int) -> str:
    return "all" if len(names) == judged else ", ".join(names)


def _verdicts(judged: Sequence[CandidateResult]) -> tuple[str, ...]:
    of: dict[str, list[str]] = {}
    for one in judged:
        if one.validity is not None:
            of.setdefault(one.validity.verdict, []).append(one.name)
    words = "; ".join(f"{_names(names, len(judged))} {verdict}" for verdict, names in of.items())
    return (f"Verdict: {words}.",) if words else ()


def _seen(finding: Finding) -> str:
    meaning = CODES[finding.code][1] if finding.code in CODES else "a code of another version"
    return finding.message or meaning
