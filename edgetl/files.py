"""Files that are either whole or not there."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write to a temporary name beside ``path``, which takes its place when the block ends without an error.

    Raises:
        OSError: the folder cannot be written to.
    """
    temporary = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, make: Callable[[Path], object]) -> None:
    """Like :func:`replacing`, for writers that want a path: ``make`` fills a temporary file beside ``path``.

    The temporary name keeps the ending of ``path``, because writers choose their format by it.

    Raises:
        OSError: the folder cannot be written to.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        make(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file, whole or not at all."""
    with replacing(path) as file:
        file.write(data)


def mark_used(path: Path) -> None:
    """Make now the file's time of last use, so that what is pruned first is what nobody needs.

    The time is the file's modification time: access times are switched off or coarse on many systems. A file that is
    read-only or has vanished is left as it is.
    """
    with suppress(OSError):
        os.utime(path)
