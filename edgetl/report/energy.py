"""What an inference costs, and what sensors could not say."""

from __future__ import annotations

from edgetl.report import numbers
from edgetl.report.candidates import is_timed, ordered
from edgetl.report.page import Column, Table
from edgetl.result import Result
from edgetl.telemetry import Energy


def energy_table(result: Result) -> Table:
    """Watts and joules of every candidate that was timed; where they are unknown, why."""
    columns = (
        Column("Candidate"),
        Column("Idle", "right"),
        Column("Active", "right"),
        Column("Per item" if any(one.batch > 1 for one in result.candidates) else "Per inference", "right"),
        Column("Without idle", "right"),
        Column("Readings", "right"),
        Column("From, or why unknown"),
    )
    rows = tuple((one.name, *_row(one.energy)) for one in ordered(result) if is_timed(one))
    return Table("Energy", columns, rows)


def known_energy_table(result: Result) -> Table:
    """The same where a sensor told the power of at least one candidate; empty elsewhere."""
    table = energy_table(result)
    if any(one.energy is not None and one.energy.active_w is not None for one in result.candidates):
        return table
    return Table(table.title, table.columns, ())


def missing_sensors_table(result: Result) -> Table:
    """Sensors that say nothing on this machine."""
    missing = result.telemetry.missing if result.telemetry is not None else ()
    columns = (Column("Sensor"), Column("Why it says nothing"))
    return Table("Sensors that say nothing here", columns, tuple((one.sensor, one.reason) for one in missing))


def millijoules(joules: float | None) -> str:
    """``12.3 mJ``; ``-`` when unknown."""
    return numbers.UNKNOWN if joules is None else f"{numbers.significant(joules * 1e3)} mJ"


def _row(energy: Energy | None) -> tuple[str, ...]:
    if energy is None:
        return (*(numbers.UNKNOWN,) * 5, "power was not measured")
    why = "; ".join(words for words in (energy.source, energy.reason) if words)
    return (
        _watts(energy.idle_w),
        _watts(energy.active_w),
        millijoules(energy.per_inference_j),
        millijoules(energy.net_per_inference_j),
        numbers.count(energy.readings),
        why or numbers.UNKNOWN,
    )


def _watts(watts: float | None) -> str:
    return numbers.UNKNOWN if watts is None else f"{numbers.significant(watts)} W"
