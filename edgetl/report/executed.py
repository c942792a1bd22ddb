"""What a runtime really executed, and how close that comes to what the machine can do, in tables."""

from __future__ import annotations

from edgetl.layers import Peak, Roofline
from edgetl.report import numbers
from edgetl.report.candidates import ordered
from edgetl.report.page import Column, Table
from edgetl.result import Result


def precision_table(result: Result) -> Table:
    """In what precision the time of all layers went; empty where no layers were profiled."""
    rows = []
    for one in ordered(result):
        if one.layers is None:
            continue
        shares = sorted(one.layers.time_share.items(), key=lambda share: (-share[1], share[0]))
        words = ", ".join(f"{numbers.percent(share)} {precision}" for precision, share in shares)
        rows.append((one.name, words or numbers.UNKNOWN, one.layers.source, one.layers.reason or numbers.UNKNOWN))
    columns = (Column("Candidate"), Column("Time by precision"), Column("Told by"), Column("Why unknown"))
    return Table("What really ran", columns, tuple(rows))


def roofline_table(result: Result) -> Table:
    """How much of what the machine can do each candidate reaches; empty where nothing is known of it."""
    columns = (
        Column("Candidate"),
        Column("Operations", "right"),
        Column("Bytes", "right"),
        Column("Limit", "right"),
        Column("Reached", "right"),
        Column("Why unknown"),
    )
    rows = [(one.name, *_roofline(one.roofline)) for one in ordered(result) if one.roofline is not None]
    limit = "The limit is the longer of computing at this machine's peak and moving every byte once."
    return Table("Roofline", columns, tuple(rows), (limit, *_peaks(result)))


def _peaks(result: Result) -> tuple[str, ...]:
    """What was measured of the machine, each once."""
    rooflines = [one.roofline for one in ordered(result) if one.roofline is not None]
    return tuple(dict.fromkeys(_peak(one.peak) for one in rooflines if one.peak is not None))


def _peak(peak: Peak) -> str:
    where = f" with {peak.runtime}" if peak.runtime else ""
    return (
        f"Measured peak in {peak.precision}{where}, {numbers.counted(peak.threads, 'thread')}: "
        f"{numbers.operations_per_s(peak.operations_per_s)}, {numbers.bytes_per_s(peak.bytes_per_s)} of memory."
    )


def _roofline(roofline: Roofline) -> tuple[str, ...]:
    return (
        numbers.UNKNOWN if roofline.operations is None else numbers.operations(roofline.operations),
        numbers.megabytes(roofline.bytes),
        numbers.duration(roofline.limit_ns),
        numbers.percent(roofline.fraction),
        roofline.reason or numbers.UNKNOWN,
    )
