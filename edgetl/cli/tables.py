"""A page on a terminal."""

from __future__ import annotations

from typing import TextIO

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from edgetl.report.page import Page, Table

_PLAIN_WIDTH = 100
"""Columns of a pipe or a file."""
_WHOLE = 36
"""Longest text that is kept on one line."""
_FOLDED, _GAP = 20, 3
"""Columns that folded text needs at least, and those between two columns."""


def render(page: Page, stream: TextIO) -> None:
    """Write a page; coloured only where the stream is a terminal."""
    console = Console(file=stream, highlight=False, soft_wrap=False, width=None if stream.isatty() else _PLAIN_WIDTH)
    console.print(escape(page.title), style="bold")
    for sentence in page.summary:
        console.print(escape(sentence))
    for table in page.tables:
        _table(console, table)


def _table(console: Console, table: Table) -> None:
    if table.title:
        console.print()
        console.print(escape(table.title), style="bold")
    if table.rows:
        grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
        for column, whole in zip(table.columns, _kept_whole(table, console.width), strict=True):
            grid.add_column(column.title, justify=column.align, overflow="fold", no_wrap=whole)
        for row in table.rows:
            grid.add_row(*(escape(cell) for cell in row))
        console.print(grid)
    for remark in table.remarks:
        console.print(escape(remark), style="dim")


def _kept_whole(table: Table, width: int) -> list[bool]:
    """Which columns never fold: numbers, and names where there is room.

    Names and numbers are read as a whole; sentences and long paths fold, so that they crowd nothing out.
    """
    longest = [
        max(len(column.title), *(len(row[place]) for row in table.rows)) for place, column in enumerate(table.columns)
    ]
    whole = [column.align == "right" or size <= _WHOLE for column, size in zip(table.columns, longest, strict=True)]
    needed = sum(size if keep else min(size, _FOLDED) for size, keep in zip(longest, whole, strict=True))
    if needed + _GAP * (len(longest) - 1) <= width:
        return whole
    return [column.align == "right" for column in table.columns]
