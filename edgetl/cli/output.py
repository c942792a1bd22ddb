"""Where a command's answer goes: one JSON document, or tables for people."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
import msgspec

if TYPE_CHECKING:
    from edgetl.report.page import Page


@dataclass(frozen=True)
class Output:
    """What ``--json``, ``-q`` and ``-v`` asked for, and the stream that answers go to.

    The stream is taken when the command starts, so that code which prints by the way (a user's data source) cannot
    put words between the answers.
    """

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    stream: TextIO = field(default_factory=lambda: sys.stdout)

    def answer(self, document: Any, page: Page) -> None:
        """The one answer of a command, in the form that was asked for."""
        if self.as_json:
            self.document(document)
        else:
            from edgetl.cli.tables import render  # rich only for people

            render(page, self.stream)

    def document(self, document: Any) -> None:
        """One JSON document."""
        self.text(_encoded(document).decode())

    def write(self, path: Path, document: Any) -> None:
        """One JSON document to a file, whole or not at all."""
        from edgetl.files import replacing  # cheap commands write nothing

        with replacing(path) as file:
            file.write(_encoded(document) + b"\n")

    def text(self, text: str) -> None:
        """Text as it is, with an end of line."""
        click.echo(text, file=self.stream)


def _encoded(document: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=_plain), indent=2)


def _plain(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"cannot write {type(value).__name__} as JSON")
