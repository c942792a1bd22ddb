"""Every kind of file that a report can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from edgetl.files import write_bytes
from edgetl.report.document import Subject, report
from edgetl.report.html.page import to_html
from edgetl.report.measured import in_detail
from edgetl.report.writing import write_report


def write_subjects(path: Path, subjects: Sequence[Subject]) -> tuple[Path, ...]:
    """Write a report about ``subjects`` in the format that the end of its name says.

    Args:
        path: ends in one of :data:`FORMATS`.
        subjects: bundles and their results.

    Returns:
        The page, then the files it shows.

    Raises:
        InputError: the folder of the pictures is a file.
        OSError: the folder cannot be written to.
    """
    return FORMATS[path.suffix](path, subjects)


def _markdown(path: Path, subjects: Sequence[Subject]) -> tuple[Path, ...]:
    return write_report(path, report(subjects))


def _html(path: Path, subjects: Sequence[Subject]) -> tuple[Path, ...]:
    write_bytes(path, to_html(report(subjects, in_detail)).encode("utf-8", "replace"))
    return (path,)


FORMATS: Final[Mapping[str, Callable[[Path, Sequence[Subject]], tuple[Path, ...]]]] = {
    ".md": _markdown,
    ".html": _html,
}
"""By the end of the name."""
