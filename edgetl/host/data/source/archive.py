"""Archives of images, unpacked once per content into the cache, whole or not at all."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import tarfile
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from edgetl.artifact import sha256_of
from edgetl.errors import DataError
from edgetl.host.cache import Cache
from edgetl.host.data.dataset import Dataset

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
RATIO = 100
"""Times its own size that an archive may unpack to; images are compressed already, so that few come near it."""
ALLOWANCE = 100 << 20
"""Bytes that any archive may unpack to."""
MAX_MEMBERS = 5_000_000
_CHUNK = 1 << 20


@dataclass(frozen=True)
class _Member:
    """One file of an archive, to be read before the next one is asked for."""

    name: str
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether its name ends like an archive's."""
    return path.is_file() and path.name.lower().endswith(ENDINGS)


def unpack(archive: Path, cache: Cache | None) -> Path:
    """The folder with what is in ``archive``; unpacked when its content was not unpacked before.

    Hidden files and ``__MACOSX`` are left out.

    Raises:
        DataError: damaged or encrypted; a member that is a link or a device, or whose name leads outside; more than
            ``RATIO`` times the archive's size, or more than fits on the disk.
    """
    if cache is None:
        raise DataError(f"archive {str(archive)!r} has no place to be unpacked to; unpack it, and name the folder")
    folder = cache.path("archives", {"sha256": sha256_of(archive)})
    if folder.is_dir():
        return folder
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.mkdir()
        with _reading(archive):
            _write(archive, temporary)
        _publish(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def check_inside(dataset: Dataset, root: Path, source: str) -> Dataset:
    """Refuse a table that names files outside of the archive it came in.

    Raises:
        DataError: names the file.
    """
    for sample in dataset.samples:
        if isinstance(sample.image, Path) and not Path(os.path.normpath(sample.image)).is_relative_to(root):
            raise DataError(
                f"archive {source!r} lists {sample.name!r}, which is outside of it; expected paths inside the archive"
            )
    return dataset


def _publish(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        # another process was faster; equal content makes an equal folder
        if not folder.is_dir():
            raise


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"archive {str(archive)!r} is damaged or not of its kind ({error}); make it again") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"archive {str(archive)!r} cannot be unpacked ({reason}); unpack it by hand") from error


def _write(archive: Path, folder: Path) -> None:
    room = _room(archive, folder)
    for count, member in enumerate(_members(archive), start=1):
        if count > MAX_MEMBERS:
            raise DataError(
                f"archive {str(archive)!r} has more than {MAX_MEMBERS:,} files; split it, or unpack it by hand"
            )
        parts = _parts(member.name, archive)
        if any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        path = folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, path.open("xb") as target:
            while chunk := source.read(_CHUNK):
                room.take(len(chunk))
                target.write(chunk)


class _Room:
    """Bytes that may still be written or read."""

    def __init__(self, left: int, archive: Path) -> None:
        self._left, self._archive = left, archive

    def take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise DataError(
                f"archive {str(self._archive)!r} unpacks to more than {RATIO} times its size, or more than the disk of "
                "the cache has; expected images; unpack it by hand if you trust it, or free space"
            )


def _room(archive: Path, folder: Path) -> _Room:
    allowed = RATIO * archive.stat().st_size + ALLOWANCE
    return _Room(min(allowed, shutil.disk_usage(folder).free), archive)


def _parts(name: str, archive: Path) -> tuple[str, ...]:
    """The folders and the file of a member's name."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name.split("/")[0] or "\0" in name or not path.parts:
        raise DataError(f"archive {str(archive)!r} has member {name!r}, which leads outside of it; make it again")
    return path.parts


def _members(archive: Path) -> Iterator[_Member]:
    return _zip_members(archive) if archive.suffix.lower() == ".zip" else _tar_members(archive)


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for entry in file.infolist():
            mode = entry.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _special(entry.filename, archive)
            if entry.flag_bits & 1:
                raise DataError(f"archive {str(archive)!r} is encrypted; unpack it by hand, and name the folder")
            if entry.is_dir():
                _parts(entry.filename, archive)
            else:
                yield _Member(entry.filename, lambda entry=entry: file.open(entry))  # type: ignore[misc]


def _tar_members(archive: Path) -> Iterator[_Member]:
    with archive.open("rb") as raw:
        packed = archive.suffix.lower() != ".tar"
        # headers count too: a tar may hide gigabytes in them, which tarfile would hold in memory
        stream = _Bounded(gzip.GzipFile(fileobj=raw), archive) if packed else raw
        with tarfile.open(fileobj=stream, mode="r|") as file:  # type: ignore[call-overload]
            for entry in file:
                if entry.isdir():
                    _parts(f"{entry.name}/", archive) if entry.name != "." else None
                elif entry.isreg():
                    yield _Member(entry.name, lambda entry=entry: file.extractfile(entry))  # type: ignore[misc]
                else:
                    raise _special(entry.name, archive)


class _Bounded:
    """Reads no more than an archive may unpack to."""

    def __init__(self, file: BinaryIO | gzip.GzipFile, archive: Path) -> None:
        self._file = file
        self._room = _Room(RATIO * archive.stat().st_size + ALLOWANCE, archive)

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._room.take(len(data))
        return data


def _special(name: str, archive: Path) -> DataError:
    return DataError(
        f"archive {str(archive)!r} has member {name!r}, which is a link or a device; expected only files and folders; "
        "make it again without (tar --dereference)"
    )
