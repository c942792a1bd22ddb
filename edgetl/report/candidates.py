"""Candidates in tables: how fast each is, which was chosen, and why each other one was not."""

from __future__ import annotations

from edgetl.measurement import SUPPORT
from edgetl.report import numbers
from edgetl.report.load import latency_words
from edgetl.report.page import Column, Table
from edgetl.result import CandidateResult, Result


def candidates_table(result: Result) -> Table:
    """Every candidate: the chosen one first, then the others by latency, then those that were not timed."""
    columns = (
        Column("Candidate"),
        Column("p50", "right"),
        Column("p90", "right"),
        Column("Accuracy", "right"),
        Column("Verdict"),
    )
    rows = tuple(_row(candidate, result) for candidate in ordered(result))
    return Table("Candidates on this machine", columns, rows, _remarks(result))


def latency_table(result: Result) -> Table:
    """Every candidate by latency, without a judgement."""
    columns = (
        Column("Candidate"),
        Column("p50", "right"),
        Column("p90", "right"),
        Column("p99", "right"),
        Column("n", "right"),
        Column("File", "right"),
        Column("p50 ratio"),
    )
    rows = tuple(_latency_row(candidate, result) for candidate in ordered(result))
    return Table(latency_words(result), columns, rows, (*_unsupported(result), *_steadiness(result)))


def throughput_table(result: Result) -> Table:
    """Every candidate by throughput, where nothing but that was measured."""
    columns = (
        Column("Candidate"),
        Column("Throughput", "right"),
        Column("File", "right"),
        Column("Ratio"),
    )
    fastest = None if result.selected is None else result.candidate(result.selected).throughput_per_s
    rows = tuple(
        (
            one.name,
            numbers.rate(one.throughput_per_s),
            numbers.megabytes(one.size_bytes),
            _throughput_verdict(one, result, fastest),
        )
        for one in ordered(result)
    )
    remark = "Inferences by wall time, when all inputs are there at the start; how long one takes was not measured."
    return Table("Throughput", columns, rows, (remark,))


def start_table(result: Result) -> Table:
    """What happens once, in a fresh process; only candidates that were started so."""
    columns = (
        Column("Candidate"),
        Column("Import", "right"),
        Column("Build", "right"),
        Column("Load", "right"),
        Column("First inference", "right"),
        Column("Peak memory", "right"),
    )
    rows = [
        (
            candidate.name,
            numbers.duration(candidate.cold.import_ns),
            numbers.duration(candidate.cold.build_ns),
            numbers.duration(candidate.cold.load_ns),
            numbers.duration(candidate.cold.first_inference_ns),
            numbers.megabytes(candidate.cold.peak_rss_bytes),
        )
        for candidate in result.candidates
        if candidate.cold
    ]
    remarks = ["Import is that of the runtime; load finds what an earlier start built."]
    if any(candidate.cold and candidate.cold.import_ns is None for candidate in result.candidates):
        remarks.append("Where import is not told, build and load include it.")
    remarks += ["Peak memory is that of the whole process, with Python and the runtime."]
    if any(candidate.scope == "end-to-end" for candidate in result.candidates):
        remarks.append("A cold start is of the model alone, without an image file.")
    return Table("Cold start", columns, tuple(rows), tuple(remarks))


def fastest_float(result: Result) -> CandidateResult | None:
    """The quickest float candidate that was not rejected for its answers; the baseline of every comparison."""
    timed = [c for c in result.candidates if c.rendering == "float" and c.precision == "fp32" and p50_ns(c) is not None]
    return min(timed, key=_rank, default=None)


def p50_ns(candidate: CandidateResult) -> int | None:
    """Median latency, where it was measured."""
    return None if candidate.latency is None else candidate.latency.p50_ns


def ordered(result: Result) -> list[CandidateResult]:
    """The chosen one first, then the others by latency, or by throughput alone, then those that were not timed."""
    return sorted(result.candidates, key=lambda candidate: (candidate.name != result.selected, _rank(candidate)))


def is_timed(candidate: CandidateResult) -> bool:
    """Whether any of its inferences were timed, one by one or as a heap."""
    return candidate.latency is not None or candidate.throughput_per_s is not None


def is_invalid(candidate: CandidateResult) -> bool:
    """Whether its timing is not to be believed."""
    return candidate.validity is not None and candidate.validity.verdict == "invalid"


def only_timed(result: Result) -> bool:
    """Whether it is of ``edgetl bench``, which judges nothing; it selects nothing where all timing is invalid."""
    if any(candidate.checks for candidate in result.candidates):
        return False
    return result.selected is not None or result.comparisons is not None


def _rank(candidate: CandidateResult) -> tuple[float, float]:
    median = p50_ns(candidate)
    return float("inf") if median is None else median, -(candidate.throughput_per_s or 0.0)


def _row(candidate: CandidateResult, result: Result) -> tuple[str, ...]:
    latency = candidate.latency
    return (
        candidate.name,
        numbers.duration(latency.p50_ns if latency else None),
        numbers.duration(latency.p90_ns if latency else None),
        numbers.percent(candidate.accuracy.value if candidate.accuracy else None),
        _verdict(candidate, result),
    )


def _verdict(candidate: CandidateResult, result: Result) -> str:
    if candidate.rejected_because is not None:
        return candidate.rejected_because
    if candidate.name == result.selected:
        return "CHOSEN"
    if result.selected is None:
        return "measured"
    chosen, median = p50_ns(result.candidate(result.selected)), p50_ns(candidate)
    if chosen and median and median > chosen:
        return f"passed, takes {numbers.ratio(median / chosen)} as long"
    return "passed, not chosen"


def _latency_row(candidate: CandidateResult, result: Result) -> tuple[str, ...]:
    latency = candidate.latency
    return (
        candidate.name,
        numbers.duration(latency.p50_ns if latency else None),
        numbers.duration(latency.p90_ns if latency else None),
        numbers.duration(latency.p99_ns if latency else None),
        numbers.count(latency.n if latency else None),
        numbers.megabytes(candidate.size_bytes),
        _comparison(candidate, result),
    )


def _comparison(candidate: CandidateResult, result: Result) -> str:
    if candidate.rejected_because is not None:
        return candidate.rejected_because
    if is_invalid(candidate):
        return "invalid"
    fastest = p50_ns(result.candidate(result.selected)) if result.selected else None
    median = p50_ns(candidate)
    if not fastest or not median:
        return numbers.UNKNOWN
    return "lowest" if candidate.name == result.selected else numbers.ratio(median / fastest)


def _throughput_verdict(candidate: CandidateResult, result: Result, fastest: float | None) -> str:
    if candidate.rejected_because is not None:
        return candidate.rejected_because
    if is_invalid(candidate):
        return "invalid"
    own = candidate.throughput_per_s
    if candidate.name == result.selected or not fastest or own is None:
        return "highest" if candidate.name == result.selected else numbers.UNKNOWN
    return numbers.ratio(own / fastest)


def _unsupported(result: Result) -> tuple[str, ...]:
    """Percentiles that are missing, and what they need."""
    timed = [one.latency for one in result.candidates if one.latency is not None]
    missing = {
        f"p{percent:g} needs {numbers.count(SUPPORT[percent])} samples"
        for one in timed
        for percent, value in ((50.0, one.p50_ns), (90.0, one.p90_ns), (99.0, one.p99_ns))
        if value is None
    }
    return (f"{', '.join(sorted(missing))}; a longer --effort takes more.",) if missing else ()


def _steadiness(result: Result) -> tuple[str, ...]:
    """Where no verdict says it."""
    timed = [one for one in result.candidates if one.latency is not None and one.validity is None]
    restless = [one.name for one in timed if one.latency is not None and not one.latency.steady]
    remark = "Latency had not settled when warm-up ended, so a longer --effort may show less: "
    return (remark + ", ".join(restless),) if restless else ()


def _remarks(result: Result) -> tuple[str, ...]:
    timed = [c.latency for c in result.candidates if c.latency is not None]
    remarks = [f"Latency is of single inferences, {min(t.n for t in timed):,} or more each."] if timed else []
    remarks.extend(_steadiness(result))
    scored = [c.accuracy for c in result.candidates if c.accuracy is not None]
    if scored:
        remarks.append(f"{scored[0].metric} is on {scored[0].n:,} golden samples of the bundle, on this machine.")
    return tuple(remarks)
