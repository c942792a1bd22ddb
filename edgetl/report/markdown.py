"""Reports as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from edgetl.report.document import Block, Chapter
from edgetl.report.page import Page, Table
from edgetl.report.pictures.svg import Picture

_MARKS = re.compile(r"[\\`*\[\]<&~]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown would not show as it is; an underscore inside a word it does."""


def to_markdown(chapters: Sequence[Chapter], folder: str) -> str:
    """GitHub Markdown, ending with a newline; pictures are linked as files in ``folder``, beside the report."""
    parts = []
    for chapter in chapters:
        parts += [f"# {_plain(chapter.title)}", *map(_plain, chapter.summary)]
        for section in chapter.sections:
            parts.append(f"## {section.title}")
            for block in section.blocks:
                parts += _block(block, folder, section.title)
    return "\n\n".join(parts) + "\n"


def page_markdown(page: Page) -> str:
    """A page for a terminal as GitHub Markdown, ending with a newline."""
    parts = [f"# {_plain(page.title)}", *map(_plain, page.summary)]
    for table in page.tables:
        parts += _table(table, "##")
    return "\n\n".join(parts) + "\n"


def table_rows(table: Table) -> str:
    """Only the grid of a table, whose cells are Markdown."""
    head = "| " + " | ".join(column.title for column in table.columns) + " |"
    rule = "| " + " | ".join("---:" if column.align == "right" else "---" for column in table.columns) + " |"
    body = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join([head, rule, *body])


def _block(block: Block, folder: str, above: str) -> list[str]:
    if isinstance(block, str):
        return [_plain(block)]
    if isinstance(block, Picture):
        return [f"![{_plain(block.alt)}]({quote(folder)}/{quote(block.name)})"]
    return _table(replace(block, title="") if block.title == above else block, "###")


def _table(table: Table, level: str) -> list[str]:
    heading = [f"{level} {_plain(table.title)}"] if table.title else []
    grid = [table_rows(_plain_table(table))] if table.rows else []
    return [*heading, *grid, *map(_plain, table.remarks)]


def _plain_table(table: Table) -> Table:
    rows = tuple(tuple(map(_plain, row)) for row in table.rows)
    return Table(table.title, table.columns, rows, table.remarks)


def _plain(text: str) -> str:
    return _MARKS.sub(lambda mark: "\\" + mark[0], " ".join(text.split()))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or " "
