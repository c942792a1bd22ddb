"""A page as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from edgetl.report.page import Page, Table
from edgetl.report.text import Subject, deployment
from edgetl.result import Result


def deployment_report(subject: Subject, result: Result, skipped: Sequence[tuple[str, str]] = ()) -> str:
    """The report of a deploy run, as Markdown; ``skipped`` are the images left out, each with the reason."""
    return to_markdown(deployment(subject, result, skipped=skipped))


def to_markdown(page: Page) -> str:
    """The page as GitHub Markdown, ending with a newline."""
    parts = [f"# {page.title}", *page.summary]
    for table in page.tables:
        parts.append(f"## {table.title}")
        if table.rows:
            parts.append(table_rows(table))
        parts.extend(table.remarks)
    return "\n\n".join(parts) + "\n"


def table_rows(table: Table) -> str:
    """Only the grid of a table."""
    head = "| " + " | ".join(column.title for column in table.columns) + " |"
    rule = "| " + " | ".join("---:" if column.align == "right" else "---" for column in table.columns) + " |"
    body = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join([head, rule, *body])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or " "
