"""``edgetl predict``: a bundle on images, or on samples of tensors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgetl.cli.options import ANY_PATH, EXISTING_FILE, cache, common, threads
from edgetl.cli.output import Output
from edgetl.errors import DataError

if TYPE_CHECKING:
    from edgetl.report.predictions import Document, ErrorDocument


@dataclass(frozen=True)
class Wanted:
    """What a model takes as files."""

    noun: str
    suffixes: frozenset[str]
    """What a folder is searched for; a file named on the command line may have any suffix."""


IMAGES = Wanted("image", frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}))
TENSORS = Wanted(".npz file", frozenset({".npz"}))


@click.command()
@click.argument("bundle", type=ANY_PATH)
@click.argument("inputs", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="INPUT...")
@click.option("--top", type=click.IntRange(min=1), default=1, show_default=True, help="Classes to show of each image.")
@click.option("--result", type=EXISTING_FILE, help="Use the candidate this qualification selected.")
@click.option("--runtime", metavar="NAME", help="Use this runtime instead.")
@threads
@cache
@common
def predict(output: Output, bundle: Path, inputs: tuple[str, ...], top: int, **options: Any) -> None:
    """Run BUNDLE on each INPUT: an image, a folder of images, or '-' for one image on standard input.

    A model that takes tensors has .npz files instead, each with one array for every input.

    An input that is missing or cannot be read does not stop the others; the exit code is 2 then.
    """
    from edgetl.cli.terminal import progress_for
    from edgetl.device import model as models
    from edgetl.report.predictions import ErrorDocument, Reason, as_document, predictions

    model = models.open(
        bundle,
        result=options["result"],
        cache_dir=options["cache"],
        runtime=options["runtime"],
        threads=options["threads"],
    )
    wanted = TENSORS if model.manifest.preprocess is None else IMAGES
    sources = tuple(found(inputs, wanted))
    answers: list[Document | ErrorDocument] = []
    with model, progress_for(output).stage("predict", len(sources)) as step:
        for source in sources:
            try:
                answers.append(as_document(source, model.predict(content(source, wanted)), top))
            except DataError as error:
                answers.append(ErrorDocument(source, Reason(type(error).__name__, str(error))))
            step.advance()
    unread = [one for one in answers if isinstance(one, ErrorDocument)]
    read = [one for one in answers if not isinstance(one, ErrorDocument)]
    if read or output.as_json:
        output.answer(answers, predictions(read, model.candidate.name))
    for one in unread:
        click.echo(f"edgetl: {' '.join(one.error.message.split())}", err=True)
    if unread:
        raise click.exceptions.Exit(DataError.exit_code)


def found(inputs: Sequence[str], wanted: Wanted) -> Iterator[str]:
    """The files that arguments stand for: a folder all below it in the order of their names, else itself."""
    for name in inputs:
        # os.path, because the methods of Path raise where a name is too long
        yield from (_below(name, wanted) if os.path.isdir(name) else []) or [name]  # noqa: PTH112


def content(source: str, wanted: Wanted) -> str | bytes:
    """What the model takes for a source: a path, or the bytes on standard input.

    Raises:
        DataError: it does not exist, or is no file; a folder only comes here when it has none of them.
    """
    if source == "-":
        return sys.stdin.buffer.read()
    if os.path.isfile(source):  # noqa: PTH113
        return source
    if os.path.isdir(source):  # noqa: PTH112
        raise DataError(f"no {wanted.noun} in folder {source!r}; expected {', '.join(sorted(wanted.suffixes))}")
    if os.path.exists(source):  # noqa: PTH110
        raise DataError(
            f"{source!r} is neither a file nor a folder; give an {wanted.noun}, a folder of {wanted.noun}s, or '-'"
        )
    raise DataError(f"no file or folder {source!r}; expected an {wanted.noun}, a folder of {wanted.noun}s, or '-'")


def _below(folder: str, wanted: Wanted) -> list[str]:
    return sorted(str(p) for p in Path(folder).rglob("*") if p.suffix.lower() in wanted.suffixes and p.is_file())
