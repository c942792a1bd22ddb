"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edgetl.errors import EdgeTLError, InputError

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""What says something of a disk, and nothing of the name that was given."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write to a temporary name beside ``path``, which takes its place when the block ends without an error.

    Raises:
        OSError: the folder cannot be written to; names ``path``.
    """
    with _beside(path, ".tmp") as temporary, temporary.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_atomically(path: Path, make: Callable[[Path], object]) -> None:
    """Like :func:`replacing`, for writers that want a path: ``make`` fills a temporary file beside ``path``.

    The temporary name keeps the ending of ``path``, because writers choose their format by it.

    Raises:
        OSError: the folder cannot be written to; names ``path``.
    """
    with _beside(path, path.suffix) as temporary:
        make(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())


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


@contextmanager
def filling(folder: Path) -> Iterator[None]:
    """Make ``folder``, which must be new or empty, and take away what the block wrote there when it fails.

    Raises:
        OSError: the folder cannot be made.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for path in folder.iterdir():
            path.unlink()
        if is_new:
            folder.rmdir()
        raise


def refused(message: str, error: OSError) -> EdgeTLError:
    """What to raise where a file cannot be written: bad input for a wrong place, a failure for a full disk."""
    return EdgeTLError(message) if error.errno in _DISK else InputError(message)


@contextmanager
def _beside(path: Path, suffix: str) -> Iterator[Path]:
    """A temporary name that does not grow with the name it stands for, which may be as long as names can be."""
    temporary = path.with_name(f".{uuid.uuid4().hex}{suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename is None or error.errno in _DISK or error.filename == str(temporary):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)
