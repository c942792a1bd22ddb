"""What a report is before anyone decides how it looks: a title, remarks and tables of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
