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
        for place, column in enumerate(table.columns):
            # Names and numbers are read as a whole; sentences and long paths fold, so that they crowd nothing out.
            whole = column.align == "right" or max(len(row[place]) for row in table.rows) <= _WHOLE
            grid.add_column(column.title, justify=column.align, overflow="fold", no_wrap=whole)
        for row in table.rows:
            grid.add_row(*(escape(cell) for cell in row))
        console.print(grid)
    for remark in table.remarks:
        console.print(escape(remark), style="dim")
