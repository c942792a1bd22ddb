"""What a command measured: written to every file that was asked for and told, though one of them cannot be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click


def give(outs: Sequence[Path], write: Callable[[Path], None], answer: Callable[[], None]) -> None:
    """Write the files and answer; hours of measuring are not to be lost because a disk is full.

    Files go first, because the reader of the answer may have gone.

    Args:
        outs: the files.
        write: writes what was measured to one of them.
        answer: tells it on standard output.

    Raises:
        click.exceptions.Exit: with code 1 after all that, when a file could not be written; each was named.
    """
    failed = [reason for out in outs if (reason := _failure(out, write)) is not None]
    answer()
    for reason in failed:
        click.echo(f"edgetl: {reason}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


def _failure(out: Path, write: Callable[[Path], None]) -> str | None:
    try:
        write(out)
    except OSError as error:
        return (
            f"cannot write {str(out)!r} ({error.strerror or error}); the answer and the outputs not named here "
            "are whole; make room, or choose another -o, and measure again"
        )
    return None
