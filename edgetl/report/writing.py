"""A report and its pictures as files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from edgetl.errors import InputError
from edgetl.files import write_bytes
from edgetl.report.document import Chapter, pictures
from edgetl.report.markdown import to_markdown


def pictures_folder(path: Path) -> Path:
    """Where the pictures of a report lie: ``FILE_files`` beside ``FILE.md``."""
    return path.with_name(f"{path.stem}_files")


def write_report(path: Path, chapters: Sequence[Chapter]) -> tuple[Path, ...]:
    """Write the pictures, then the page that shows them; each file is written whole or not at all.

    Pictures that only the page before it showed are removed.

    Returns:
        The page, then its pictures.

    Raises:
        InputError: the folder of the pictures is a file.
        OSError: the folder cannot be written to.
    """
    folder, drawn = pictures_folder(path), pictures(chapters)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file, and the pictures of the report go there; move it away")
    outdated = _shown(path, folder.name) - {picture.name for picture in drawn}
    if drawn:
        folder.mkdir(parents=True, exist_ok=True)
    for picture in drawn:
        write_bytes(folder / picture.name, picture.svg.encode())
    write_bytes(path, to_markdown(chapters, folder.name).encode("utf-8", "replace"))
    for name in outdated:
        with suppress(OSError):
            (folder / name).unlink()
    return (path, *(folder / picture.name for picture in drawn))


def _shown(page: Path, folder: str) -> set[str]:
    """Names of the pictures in ``folder`` that a page shows; none where there is no page."""
    link = rf"^!\[.*\]\({re.escape(quote(folder, errors='replace'))}/([\w.-]+\.svg)\)$"
    with suppress(OSError):
        return set(re.findall(link, page.read_text("utf-8", "replace"), re.MULTILINE))
    return set()
