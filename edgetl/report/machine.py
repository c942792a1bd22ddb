"""What a machine can run, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from edgetl.environment import Environment
from edgetl.machine_state import Clock, MachineState, cpu_ranges
from edgetl.report import numbers
from edgetl.report.page import Column, Page, Table


class Package(Protocol):
    """One package."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def available(self) -> bool:
        """Whether it works here."""

    @property
    def version(self) -> str | None:
        """Which one, when known."""

    @property
    def reason(self) -> str:
        """Why it does not work, and what to do."""


class Diagnosis(Protocol):
    """What ``edgetl doctor`` found."""

    @property
    def environment(self) -> Environment:
        """The machine."""

    @property
    def runtimes(self) -> Sequence[Package]:
        """What can run models."""

    @property
    def host_packages(self) -> Sequence[Package]:
        """What preparing models needs."""

    @property
    def remarks(self) -> Sequence[str]:
        """What follows from the processor."""

    @property
    def state(self) -> MachineState:
        """How the machine stands now."""


def diagnosis(found: Diagnosis) -> Page:
    """The machine, its runtimes, and what is missing."""
    tables = (
        machine_table(found.environment, tuple(found.remarks)),
        state_now_table(found.state),
        _packages("Runtimes", found.runtimes),
        _packages("Needed to prepare bundles, not to run them", found.host_packages),
    )
    return Page("What this machine can run", tables=tables)


def machine_table(here: Environment, remarks: tuple[str, ...] = ()) -> Table:
    """The processor, the system, and how much of them may be used."""
    cpu = here.cpu
    rows = (
        ("edgetl", here.edgetl),
        ("Python", here.python),
        ("system", f"{here.system} {here.kernel}, {cpu.architecture}"),
        ("board", _board(here)),
        ("container", here.container or "none found"),
        ("CPU", cpu.model),
        ("CPUs", f"{cpu.allowed_cpus} of {cpu.logical_cpus} may be used"),
        ("instructions", ", ".join(cpu.isa) or "none that matter here"),
        ("governor", cpu.governor or numbers.UNKNOWN),
        ("memory", numbers.megabytes(here.memory_bytes)),
    )
    return Table("Machine", (Column("What"), Column("Value")), rows, remarks)


def state_now_table(state: MachineState) -> Table:
    """What changes from run to run, with what speaks against measuring as notes."""
    rows = (
        ("clocks", "; ".join(_clocks(state.clocks)) or numbers.UNKNOWN),
        ("turbo", state.turbo or numbers.UNKNOWN),
        ("power mode", state.power_mode or numbers.UNKNOWN),
        (
            "L4T (JetPack)",
            f"{state.platform_release} ({state.jetpack or '?'})" if state.platform_release else "none found",
        ),
        ("CPUs allowed", cpu_ranges(state.affinity)),
        ("CPU quota", "none found" if state.cpu_quota is None else f"{state.cpu_quota:g} CPUs"),
        ("load by others", numbers.percent(state.load_by_others)),
        ("load average", numbers.UNKNOWN if state.load_average is None else f"{state.load_average:.2f}"),
        ("free memory", numbers.megabytes(state.memory_available_bytes)),
        ("swap in use", numbers.megabytes(state.swap_used_bytes)),
    )
    notes = tuple(f"{finding.code}: {finding.message}" for finding in state.findings)
    return Table("How it stands now", (Column("What"), Column("Value")), rows, notes)


def software_table(here: Environment) -> Table:
    """Versions of what decided speed and results."""
    rows = tuple(sorted({**here.runtimes, **here.libraries}.items()))
    return Table("Software", (Column("Name"), Column("Version")), rows)


def _board(here: Environment) -> str:
    """With what decides its speed, where it has that."""
    release = here.platform_release and f"L4T {here.platform_release}"
    mode = here.power_mode and f"power mode {here.power_mode}"
    return ", ".join(word for word in (here.board, release, mode) if word) or numbers.UNKNOWN


def _clocks(clocks: Iterable[Clock]) -> tuple[str, ...]:
    """Clocks that are set alike, together: ``cpu0 and 7 like it: 800 to 4,200 MHz, powersave``."""
    alike: dict[tuple[int | None, int | None, str | None], list[str]] = {}
    for clock in clocks:
        alike.setdefault((clock.min_hz, clock.max_hz, clock.governor), []).append(clock.name)
    return tuple(
        names[0]
        + (f" and {len(names) - 1} like it" if len(names) > 1 else "")
        + f": {_megahertz(low)} to {_megahertz(high)} MHz"
        + (f", {governor}" if governor else "")
        for (low, high, governor), names in alike.items()
    )


def _megahertz(hertz: int | None) -> str:
    return numbers.UNKNOWN if hertz is None else f"{hertz / 1e6:,.0f}"


def _packages(title: str, found: Sequence[Package]) -> Table:
    columns = (Column("Name"), Column("Works"), Column("Version"), Column("Why not"))
    rows = tuple((f.name, "yes" if f.available else "no", f.version or numbers.UNKNOWN, f.reason) for f in found)
    return Table(title, columns, rows)
