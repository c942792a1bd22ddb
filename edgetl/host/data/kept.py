"""Files of the user's data, which no output may replace."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from edgetl.errors import InputError
from edgetl.host.data.dataset import Dataset
from edgetl.host.data.source.function import file_of, is_function

OURS = (".edgetl", ".onnx", ".report.md", ".result.json")
"""Endings of what EdgeTL writes: a second run may replace what the first one left in the data folder."""


def keep_source(outputs: Iterable[Path], source: str, base: Path) -> None:
    """Refuse outputs that would replace the source itself, or a file inside of its folder.

    Args:
        source: as in :func:`~edgetl.host.data.source.open_source`.
        base: what a relative source is relative to.

    Raises:
        InputError: names the output.
    """
    root = base / Path(source).expanduser()
    if is_function(source) and not root.is_dir():
        root = file_of(source, base)
    for output in _existing(outputs):
        inside = os.path.isdir(root) and _is_inside(output, root) and not output.name.endswith(OURS)  # noqa: PTH112
        if inside or (os.path.isfile(root) and output.samefile(root)):  # noqa: PTH113 (names may be too long)
            raise _replaced(output)


def keep_images(outputs: Iterable[Path], dataset: Dataset) -> None:
    """Refuse outputs that would replace an image of the data set.

    Raises:
        InputError: names the output.
    """
    existing = {_identity(output): output for output in _existing(outputs)}
    images = (sample.image for sample in dataset.samples if isinstance(sample.image, Path)) if existing else ()
    for image in images:
        output = existing.get(_identity(image))
        if output is not None:
            raise _replaced(output)


def _existing(outputs: Iterable[Path]) -> list[Path]:
    return [output for output in outputs if output.is_file()]


def _is_inside(output: Path, folder: Path) -> bool:
    """Whether the file lies there, or is a link to one that does."""
    places = (output.parent.resolve() / output.name, output.resolve())
    return any(place.is_relative_to(folder.resolve()) for place in places)


def _identity(path: Path) -> tuple[int, int]:
    try:
        about = path.stat()
    except (OSError, ValueError):  # the audit says why it cannot be read
        return (-1, -1)
    return (about.st_dev, about.st_ino)


def _replaced(output: Path) -> InputError:
    return InputError(f"{str(output)!r} is an input, which the output would replace; choose another -o")
