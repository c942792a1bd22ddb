"""``edgetl report``: bundles and results as a page for people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgetl.cli.options import ANY_PATH, common, out_page
from edgetl.cli.output import Output
from edgetl.errors import InputError

if TYPE_CHECKING:
    from edgetl.bundle import Bundle
    from edgetl.report.document import Subject
    from edgetl.result import Result


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=ANY_PATH, metavar="RESULT_OR_BUNDLE...")
@out_page(
    "Page to write: FILE.html, all in one file; or FILE.md, with its pictures in the folder FILE_files beside it."
)
@click.option(
    "--explain",
    "explained",
    multiple=True,
    type=ANY_PATH,
    metavar="FILE",
    help="What quantize --explain --json answered of a graph in a bundle: its layers stand on the page, too.",
)
@common
def report(output: Output, inputs: tuple[Path, ...], out: Path, explained: tuple[Path, ...]) -> None:
    """Write a page with pictures about bundles and the results of qualify or bench.

    FILE.html is one page that opens offline and shows every sample: point at its charts, or walk them with Tab.

    A bundle tells of data, training, accuracy and settings; a result of candidates, latency and the machine. Results
    stand with the bundle they are of.
    """
    from edgetl.report.formats import write_subjects
    from edgetl.report.text import files_page

    page, *pictures = write_subjects(out, _with_explanations(_subjects(inputs), explained))
    answer = {"report": page, "pictures": pictures}
    output.answer(answer, files_page("Report", (("report", page), *(("picture", one) for one in pictures))))


def _subjects(inputs: tuple[Path, ...]) -> tuple[Subject, ...]:
    from edgetl.bundle import Bundle
    from edgetl.report.document import Subject
    from edgetl.result import read_result

    bundles: dict[str, Bundle] = {}
    results: dict[str, list[Result]] = {}
    for path in inputs:
        if _is_result(path):
            result = read_result(path)
            results.setdefault(result.bundle.sha256, []).append(result)
        elif path.suffix != ".edgetl" and _start(path) not in (b"", b"P"):
            raise InputError(
                f"{str(path)!r} is neither a result nor a bundle; give FILE.json as qualify and bench write it, or "
                "FILE.edgetl"
            )
        else:
            bundle = Bundle.open(path)
            bundles[bundle.sha256] = bundle
    return tuple(
        Subject(sha256, bundles[sha256].manifest if sha256 in bundles else None, tuple(results.get(sha256, ())))
        for sha256 in dict.fromkeys([*bundles, *results])
    )


def _with_explanations(subjects: tuple[Subject, ...], paths: tuple[Path, ...]) -> tuple[Subject, ...]:
    """Each with those of the graphs that its own notes tell the search for.

    Raises:
        InputError: an explanation is of no bundle that was given.
    """
    from edgetl.explanation import read_explanation
    from edgetl.report.ladder import ladders_from

    found = [(path, read_explanation(path)) for path in paths]
    searches = [() if one.manifest is None else ladders_from(one.manifest.provenance.notes) for one in subjects]
    for path, explanation in found:
        if not any(explanation.ladder in ladders for ladders in searches):
            raise InputError(
                f"{str(path)!r} explains a graph of no bundle given here; give the one that was made in the same "
                "search, with the same recipe, --cache and --threads"
            )
    return tuple(
        replace(subject, explanations=tuple(one for _, one in found if one.ladder in ladders))
        for subject, ladders in zip(subjects, searches, strict=True)
    )


def _is_result(path: Path) -> bool:
    """By its name, or by its first byte."""
    return path.suffix == ".json" or _start(path) == b"{"


def _start(path: Path) -> bytes:
    """Its first byte, nothing where there is none to read: a bundle's reader says why."""
    try:
        with path.open("rb") as file:
            return file.read(1)
    except OSError:
        return b""
