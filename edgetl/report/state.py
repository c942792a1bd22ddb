"""How the machine stood before it measured."""

from __future__ import annotations

from collections.abc import Sequence

from edgetl.machine_state import Clock
from edgetl.report import numbers
from edgetl.report.page import Column, Table
from edgetl.result import Result


def state_before_table(result: Result) -> Table:
    """What changes from run to run: clocks, load, memory, limits; empty when the result does not tell."""
    state = result.state
    columns = (Column("What"), Column("Value"))
    if state is None:
        return Table("State before measuring", columns, ())
    pressure = (("CPU", state.pressure.cpu), ("memory", state.pressure.memory), ("disk", state.pressure.io))
    rows = (
        ("started", result.started_utc or numbers.UNKNOWN),
        ("turbo", state.turbo or numbers.UNKNOWN),
        ("power mode", state.power_mode or numbers.UNKNOWN),
        ("platform release", state.platform_release or numbers.UNKNOWN),
        ("JetPack", state.jetpack or numbers.UNKNOWN),
        ("load average", _significant(state.load_average)),
        *((f"waiting for {word}, last 10 s", numbers.percent(share)) for word, share in pressure),
        ("free memory", numbers.megabytes(state.memory_available_bytes)),
        ("swap in use", numbers.megabytes(state.swap_used_bytes)),
        ("CPUs by quota", _significant(state.cpu_quota)),
        ("CPUs this process may use", ", ".join(map(str, state.affinity)) or numbers.UNKNOWN),
        ("isolated CPUs", state.isolated_cpus or numbers.UNKNOWN),
    )
    return Table("State before measuring", columns, rows)


def clocks_table(result: Result) -> Table:
    """Every clock that is known."""
    clocks: Sequence[Clock] = result.state.clocks if result.state is not None else ()
    columns = (
        Column("Clock"),
        Column("Now", "right"),
        Column("Lowest", "right"),
        Column("Highest", "right"),
        Column("Governor"),
        Column("Pinned"),
    )
    return Table("Clocks", columns, tuple(map(_clock, clocks)))


def _clock(clock: Clock) -> tuple[str, ...]:
    pinned = {None: numbers.UNKNOWN, True: "yes", False: "no"}[clock.is_pinned]
    speeds = (_gigahertz(value) for value in (clock.current_hz, clock.min_hz, clock.max_hz))
    return (clock.name, *speeds, clock.governor or numbers.UNKNOWN, pinned)


def _gigahertz(hertz: int | None) -> str:
    return numbers.UNKNOWN if hertz is None else f"{hertz / 1e9:.2f} GHz"


def _significant(value: float | None) -> str:
    return numbers.UNKNOWN if value is None else numbers.significant(value)
