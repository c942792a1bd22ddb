"""Every kind of file that a bench run can be written as."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from edgetl.errors import InputError
from edgetl.files import replacing
from edgetl.report.benchmark import benchmark
from edgetl.report.csv_rows import csv_bytes
from edgetl.report.json_text import json_parts
from edgetl.report.markdown import page_markdown
from edgetl.result import Result


def result_format(path: Path) -> Callable[[Result], Iterator[bytes]]:
    """What writes a file of that name: the end of the name says it, and without one it is JSON.

    Raises:
        InputError: nothing writes such files.
    """
    ending = path.suffix.lower() or ".json"
    if ending not in RESULT_FORMATS:
        known = ", ".join(RESULT_FORMATS)
        raise InputError(
            f"{path.name!r} ends in {path.suffix!r}, which no result is written as; choose one of: {known}"
        )
    return RESULT_FORMATS[ending]


def write_result(path: Path, result: Result) -> None:
    """Write a result, whole or not at all, in the format that the end of its name says.

    Raises:
        InputError: nothing writes such files.
        OSError: the folder cannot be written to.
    """
    parts = result_format(path)
    with replacing(path) as file:
        file.writelines(parts(result))


def _json(result: Result) -> Iterator[bytes]:
    """In parts: a run of half an hour is long, and its samples are in memory already."""
    yield from json_parts(result)
    yield b"\n"


def _csv(result: Result) -> Iterator[bytes]:
    yield csv_bytes(result)


def _markdown(result: Result) -> Iterator[bytes]:
    yield page_markdown(benchmark(result)).encode("utf-8", "backslashreplace")


RESULT_FORMATS: Final[Mapping[str, Callable[[Result], Iterator[bytes]]]] = {
    ".json": _json,
    ".csv": _csv,
    ".md": _markdown,
}
"""By the end of the name: all that was measured; a row for each candidate; tables for people."""
