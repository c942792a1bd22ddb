"""Progress for people, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from edgetl.cli.output import Output
from edgetl.progress import Progress, Silent, Step

Clock = Callable[[], float]


def progress_for(output: Output) -> Progress:
    """Warnings only with ``-q``, bars on a terminal, lines elsewhere."""
    if output.quiet:
        return WarningsOnly(sys.stderr)
    return BarProgress(Console(stderr=True)) if sys.stderr.isatty() else LineProgress(sys.stderr)


class WarningsOnly(Silent):
    """Neither stages nor remarks, but what a user should know all the same."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def warn(self, message: str) -> None:
        """A warning on a line of its own."""
        click.echo(message, file=self._stream)


class LineProgress:
    """One line for each stage that ended."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream, self._clock = stream, clock

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Step]:
        """A stage; its line says how long it took."""
        start, counter = self._clock(), _Counter()
        try:
            yield counter
        except BaseException:
            self.note(f"{title} ... stopped after {self._clock() - start:.1f} s")
            raise
        self.note(f"{title} ... done in {self._clock() - start:.1f} s")

    def note(self, message: str) -> None:
        """A remark on a line of its own."""
        click.echo(message, file=self._stream)

    def warn(self, message: str) -> None:
        """A warning on a line of its own."""
        self.note(message)


class BarProgress:
    """A bar with the remaining time for each stage under way, and a line for each that ended."""

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._open = 0

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Step]:
        """A stage with its bar."""
        start = self._clock()
        self._enter()
        task = self._bars.add_task(escape(title), total=total)
        try:
            yield _BarStep(lambda count: self._bars.advance(task, count))
            self.note(f"{title} ... done in {self._clock() - start:.1f} s")
        finally:
            self._bars.remove_task(task)
            self._leave()

    def note(self, message: str) -> None:
        """A remark above the bars."""
        self._console.print(message, style="dim", markup=False, highlight=False)

    def warn(self, message: str) -> None:
        """A warning above the bars."""
        self._console.print(message, style="yellow", markup=False, highlight=False)

    def _enter(self) -> None:
        if self._open == 0:
            self._bars.start()
        self._open += 1

    def _leave(self) -> None:
        self._open -= 1
        if self._open == 0:
            self._bars.stop()


class _Counter:
    def advance(self, count: int = 1) -> None:
        """Lines do not count."""


class _BarStep:
    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance = advance

    def advance(self, count: int = 1) -> None:
        """Move the bar."""
        self._advance(count)
