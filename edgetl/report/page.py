"""What a report is before anyone decides how it looks: a title, remarks and tables of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edgetl.report import numbers

Align = Literal["left", "right"]


@dataclass(frozen=True)
class Column:
    """A table column; numbers stand on the right."""

    title: str
    align: Align = "left"


@dataclass(frozen=True)
class Table:
    """Rows of finished text, as many cells each as there are columns."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...] = ()
    """Sentences below the table."""


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str
    summary: tuple[str, ...] = ()
    """Sentences below the title."""
    tables: tuple[Table, ...] = ()


def known_columns(table: Table, optional: Sequence[str]) -> Table:
    """The table without those of its ``optional`` columns, by title, in which no row knows anything."""
    kept = [
        place
        for place, column in enumerate(table.columns)
        if column.title not in optional or any(row[place] != numbers.UNKNOWN for row in table.rows)
    ]
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[place] for place in kept), rows=rows)
