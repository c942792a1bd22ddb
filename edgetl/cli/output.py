"""Where a command's answer goes: one JSON document, or tables for people."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from edgetl.report.json_text import ascii_json, json_bytes, json_parts

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

            with _answering():
                render(page, self.stream)

    def document(self, document: Any) -> None:
        """One JSON document."""
        text = json_bytes(document).decode()
        self.text(text if _is_utf8(self.stream) else ascii_json(json.loads(text)))

    def write(self, path: Path, document: Any) -> None:
        """One JSON document to a file, whole or not at all."""
        from edgetl.files import replacing  # cheap commands write nothing

        with replacing(path) as file:
            file.writelines(json_parts(document))
            file.write(b"\n")

    def text(self, text: str) -> None:
        """Text as it is, with an end of line."""
        with _answering():
            click.echo(text, file=self.stream)


class Unanswered(OSError):
    """Standard output cannot be written to: its reader has gone, or its disk is full."""


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unanswered(error.errno, error.strerror) from error


def _is_utf8(stream: TextIO) -> bool:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return codecs.lookup(encoding).name == "utf-8"
