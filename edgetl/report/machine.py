"""What a machine can run, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edgetl.environment import Environment
from edgetl.report import numbers
from edgetl.report.page import Column, Page, Table


class Finding(Protocol):
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
    def runtimes(self) -> Sequence[Finding]:
        """What can run models."""

    @property
    def host_packages(self) -> Sequence[Finding]:
        """What preparing models needs."""

    @property
    def remarks(self) -> Sequence[str]:
        """What follows from the processor."""


def diagnosis(found: Diagnosis) -> Page:
    """The machine, its runtimes, and what is missing."""
    tables = (
        machine_table(found.environment, tuple(found.remarks)),
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
        ("board", here.board or numbers.UNKNOWN),
        ("container", here.container or "none found"),
        ("CPU", cpu.model),
        ("CPUs", f"{cpu.allowed_cpus} of {cpu.logical_cpus} may be used"),
        ("instructions", ", ".join(cpu.isa) or "none that matter here"),
        ("governor", cpu.governor or numbers.UNKNOWN),
        ("memory", numbers.megabytes(here.memory_bytes)),
    )
    return Table("Machine", (Column("What"), Column("Value")), rows, remarks)


def software_table(here: Environment) -> Table:
    """Versions of what decided speed and results."""
    rows = tuple(sorted({**here.runtimes, **here.libraries}.items()))
    return Table("Software", (Column("Name"), Column("Version")), rows)


def _packages(title: str, found: Sequence[Finding]) -> Table:
    columns = (Column("Name"), Column("Works"), Column("Version"), Column("Why not"))
    rows = tuple((f.name, "yes" if f.available else "no", f.version or numbers.UNKNOWN, f.reason) for f in found)
    return Table(title, columns, rows)
