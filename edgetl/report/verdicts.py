"""Every candidate with all its numbers, what they are of, and why it was rejected."""

from __future__ import annotations

from edgetl.report import numbers
from edgetl.report.candidates import is_invalid, only_timed, ordered, p50_ns
from edgetl.report.energy import millijoules
from edgetl.report.load import measured_as, only_throughput
from edgetl.report.page import Column, Table, known_columns
from edgetl.report.trust import severity, strict_codes
from edgetl.result import CandidateResult, Latency, Result
from edgetl.validity import Validity

_OPTIONAL = ("Accuracy", "95 % interval", "Energy")


def verdicts_table(result: Result) -> Table:
    """A row per candidate, the chosen one first; of an offline run with throughput in place of latency."""
    offline = only_throughput(result)
    timed = ("Throughput",) if offline else ("p50", "p90", "p99", "n")
    columns = (
        Column("Candidate"),
        Column("Verdict"),
        Column("Measurement"),
        *(Column(title, "right") for title in timed),
        Column("Measured"),
        Column("Accuracy", "right"),
        Column("95 % interval", "right"),
        Column("Energy", "right"),
        Column("File", "right"),
    )
    remark = "A percentile that the number of samples does not support is not shown."
    if offline:
        remark = "All inputs were there at the start, so there is no latency."
    rows = tuple(_row(one, result) for one in ordered(result))
    return known_columns(Table("Every candidate", columns, rows, (remark,)), optional=_OPTIONAL)


def load_table(result: Result) -> Table:
    """What counts besides latency, as far as it was measured: throughput, deadlines, the harness itself.

    Empty for an offline run, whose throughput is all that there is.
    """
    columns = (
        Column("Candidate"),
        Column("Throughput", "right"),
        Column("Late", "right"),
        Column("Dropped", "right"),
        Column("Service p50", "right"),
        Column("Harness", "right"),
        Column("Adapter", "right"),
    )
    rows = [] if only_throughput(result) else [(one.name, *_load(one)) for one in ordered(result)]
    known = tuple(row for row in rows if any(cell != numbers.UNKNOWN for cell in row[1:]))
    remarks = [
        "Harness is what timing and checking add to each sample; what EdgeTL does to hand tensors to the runtime and "
        "to copy what it answers is part of the inference."
    ]
    if any(one.adapter_ns is not None for one in result.candidates):
        remarks.append("Adapter is how much of the inference that is, where the runtime tells its own time.")
    if any(one.service is not None for one in result.candidates):
        remarks.append("Service is the work itself, without waiting.")
    if any(one.batch > 1 for one in result.candidates):
        remarks.append("Throughput counts the items of a batch; late and dropped count batches.")
    optional = [column.title for column in columns[1:]]
    return known_columns(Table("Throughput and overhead", columns, known, tuple(remarks)), optional)


def end_to_end_table(result: Result) -> Table:
    """From an encoded image to a prediction; only candidates that were timed so."""
    columns = (Column("Candidate"), *(Column(title, "right") for title in ("p50", "p90", "p99", "n")))
    rows = tuple((one.name, *_percentiles(one.end_to_end)) for one in ordered(result) if one.end_to_end is not None)
    remarks = ("Decoding, resizing, inference and the decision, one image at a time.",)
    return known_columns(Table("From image file to prediction", columns, rows, remarks), optional=("p90", "p99"))


def _row(candidate: CandidateResult, result: Result) -> tuple[str, ...]:
    score, energy, offline = candidate.accuracy, candidate.energy, only_throughput(result)
    return (
        candidate.name,
        _verdict(candidate, result),
        _judged(candidate.validity, strict_codes(result)),
        *((numbers.rate(candidate.throughput_per_s),) if offline else _percentiles(candidate.latency)),
        measured_as(candidate, result),
        numbers.percent(score.value if score is not None else None),
        numbers.percent_interval(score.ci95 if score is not None else None),
        millijoules(energy.per_inference_j if energy is not None else None),
        numbers.megabytes(candidate.size_bytes),
    )


def _verdict(candidate: CandidateResult, result: Result) -> str:
    if candidate.rejected_because is not None:
        return f"rejected: {candidate.rejected_because}"
    if only_timed(result):
        if is_invalid(candidate):
            return "invalid"
        if candidate.name != result.selected:
            return "measured"
        if only_throughput(result):
            return "highest throughput"
        return "measured" if p50_ns(candidate) is None else "lowest p50"
    return "CHOSEN" if candidate.name == result.selected else "not rejected"


def _judged(validity: Validity | None, strict: frozenset[str]) -> str:
    if validity is None:
        return "not judged"
    codes = ", ".join(finding.code for finding in validity.findings if severity(finding, strict) != "note")
    return f"{validity.verdict}: {codes}" if codes else validity.verdict


def _percentiles(latency: Latency | None) -> tuple[str, ...]:
    if latency is None:
        return (numbers.UNKNOWN,) * 4
    shown = (numbers.duration(value) for value in (latency.p50_ns, latency.p90_ns, latency.p99_ns))
    return (*shown, numbers.count(latency.n))


def _load(candidate: CandidateResult) -> tuple[str, ...]:
    return (
        numbers.rate(candidate.throughput_per_s),
        numbers.count(candidate.deadline_misses),
        numbers.count(candidate.dropped),
        numbers.duration(candidate.service.p50_ns if candidate.service is not None else None),
        numbers.duration(candidate.overhead_ns),
        numbers.duration(candidate.adapter_ns),
    )
