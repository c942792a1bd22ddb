"""What lies in a cache folder, and what of it to give up: the least recently used first.

Only files that EdgeTL itself names are ever looked at: below a folder of :data:`KINDS`, and called after a SHA-256. A
cache that shares its folder with other things cannot lose them. An unpacked archive, whose files its user named, is
one thing: kept whole or removed whole.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

Kind = Literal[
    "adapted",
    "archives",
    "audit",
    "built",
    "bundles",
    "calibration",
    "fastest",
    "features",
    "heads",
    "ladder",
    "models",
    "parity",
    "peaks",
    "predictions",
    "renderings",
    "results",
    "training",
    "treated",
    "tuned",
    "trunk",
]
KINDS: Mapping[Kind, str] = {
    "adapted": "adapted trunks and heads",
    "archives": "unpacked data archives",
    "audit": "images known to be readable",
    "built": "models compiled by runtimes",
    "bundles": "prepared bundles",
    "calibration": "activation ranges",
    "fastest": "which runtime is fastest for a graph",
    "features": "features of images",
    "heads": "heads fitted again on quantized trunks",
    "ladder": "what was tried to quantize",
    "models": "graphs taken out of bundles",
    "parity": "comparisons of graphs with torch",
    "peaks": "what this machine computes and copies at best",
    "predictions": "outputs of graphs for images",
    "renderings": "quantized graphs",
    "results": "qualifications of this device",
    "training": "where training stands",
    "treated": "equal float graphs that quantize better",
    "tuned": "quantized graphs that were trained against their float graphs",
    "trunk": "exported float graphs",
}
"""Folders of a cache, and what is in each."""
UNFINISHED_S = 86_400.0
"""A temporary file younger than this may still be written to by its process."""

_WHOLE: frozenset[Kind] = frozenset({"archives"})
"""Kinds of which every folder counts as one file."""
_NAMED = re.compile(r"[0-9a-f]{64}(?:\.[a-z0-9]+|-[0-9a-z]+\.json)?")
_TEMPORARY = re.compile(r"\.(?:\S*\.)?[0-9a-f]{32}(?:\.[a-z0-9]+)?")
"""As :mod:`edgetl.files` names what is not whole yet."""


@dataclass(frozen=True)
class CachedFile:
    """One file of a cache, or one folder that is only of use whole."""

    kind: Kind
    path: Path
    size_bytes: int
    used_s: float
    """When it was last written or read, in seconds since 1970."""
    unfinished: bool = False
    """A temporary file, of a process that is writing it or that ended before it was whole."""


@dataclass(frozen=True)
class Limits:
    """What a cache may keep; ``None`` is no limit."""

    size_bytes: int | None = None
    """Of all files of the chosen kinds together."""
    unused_s: float | None = None
    """Files that nothing used for longer go."""
    kinds: tuple[Kind, ...] = tuple(KINDS)
    """Files of other kinds are neither counted nor removed."""


@dataclass(frozen=True)
class Usage:
    """How much one kind of file takes."""

    kind: Kind
    files: int
    size_bytes: int
    oldest_use: datetime
    newest_use: datetime


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be."""

    files: int
    size_bytes: int
    kept_files: int
    kept_bytes: int
    failed: tuple[tuple[str, str], ...] = ()
    """Path and reason of every file that could not be removed."""


def cached_files(root: Path) -> tuple[CachedFile, ...]:
    """The files of a cache, the least recently used first; empty where there is no cache.

    Links are not followed, and files that vanish meanwhile are left out.

    Raises:
        OSError: a folder cannot be read.
    """
    found = (file for kind in KINDS for file in (_folders if kind in _WHOLE else _walk)(kind, root / kind))
    return tuple(sorted(found, key=lambda file: (file.used_s, str(file.path))))


def usage(files: Iterable[CachedFile]) -> tuple[Usage, ...]:
    """One row per kind that has files, in the order of :data:`KINDS`."""
    by_kind: dict[Kind, list[CachedFile]] = {}
    for file in files:
        by_kind.setdefault(file.kind, []).append(file)
    return tuple(_usage(kind, by_kind[kind]) for kind in KINDS if kind in by_kind)


def plan(files: tuple[CachedFile, ...], limits: Limits, now_s: float) -> tuple[CachedFile, ...]:
    """The files to remove so that the rest keeps the limits.

    Temporary files younger than a day stay whatever the limits are; older ones were left by a process that died and
    go first.

    Args:
        files: of :func:`cached_files`.
        now_s: seconds since 1970.
    """
    chosen = [file for file in files if file.kind in limits.kinds]
    chosen = [file for file in chosen if not (file.unfinished and now_s - file.used_s < UNFINISHED_S)]
    left = sum(file.size_bytes for file in chosen)
    removed = []
    for file in sorted(chosen, key=lambda file: (not file.unfinished, file.used_s, str(file.path))):
        is_old = limits.unused_s is not None and now_s - file.used_s > limits.unused_s
        if file.unfinished or is_old or (limits.size_bytes is not None and left > limits.size_bytes):
            removed.append(file)
            left -= file.size_bytes
    return tuple(removed)


def remove(files: tuple[CachedFile, ...], planned: tuple[CachedFile, ...]) -> Pruned:
    """Remove the planned files; one that vanished meanwhile counts as removed, the cache's own folders stay.

    Args:
        files: all there are, for what is kept.
        planned: of :func:`plan`.
    """
    failed: list[tuple[str, str]] = []
    gone: list[CachedFile] = []
    for file in planned:
        try:
            _remove(file)
            gone.append(file)
        except OSError as error:
            failed.append((str(file.path), error.strerror or str(error)))
    return _pruned(files, tuple(gone), tuple(failed))


def foreseen(files: tuple[CachedFile, ...], planned: tuple[CachedFile, ...]) -> Pruned:
    """What :func:`remove` would do; nothing is touched."""
    return _pruned(files, planned, ())


def _pruned(files: tuple[CachedFile, ...], gone: tuple[CachedFile, ...], failed: tuple[tuple[str, str], ...]) -> Pruned:
    size = sum(file.size_bytes for file in gone)
    total = sum(file.size_bytes for file in files)
    return Pruned(len(gone), size, len(files) - len(gone), total - size, failed)


def _usage(kind: Kind, files: list[CachedFile]) -> Usage:
    used = [file.used_s for file in files]
    return Usage(kind, len(files), sum(file.size_bytes for file in files), _moment(min(used)), _moment(max(used)))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), timezone.utc)


def _walk(kind: Kind, folder: Path) -> Iterator[CachedFile]:
    for path, status in _entries(folder):
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(kind, path)
        elif stat.S_ISREG(status.st_mode) and (unfinished := _is_unfinished(path.name)) is not None:
            yield CachedFile(kind, path, status.st_size, status.st_mtime, unfinished)


def _folders(kind: Kind, folder: Path) -> Iterator[CachedFile]:
    for path, status in _entries(folder):
        if stat.S_ISDIR(status.st_mode) and (unfinished := _is_unfinished(path.name)) is not None:
            yield CachedFile(kind, path, _size(path), status.st_mtime, unfinished)


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        entries = tuple(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in entries:
        # another process may have pruned or finished it
        with suppress(FileNotFoundError):
            yield path, path.lstat()


def _size(folder: Path) -> int:
    size = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(root, name).lstat().st_size
    return size


def _remove(file: CachedFile) -> None:
    with suppress(FileNotFoundError):
        if file.kind not in _WHOLE:
            file.path.unlink()
            return
        # first to a temporary name: nobody may take half of a folder for the whole
        aside = file.path.with_name(f".{uuid.uuid4().hex}.tmp")
        shutil.rmtree(file.path.rename(aside))


def _is_unfinished(name: str) -> bool | None:
    """Whether a name is that of a temporary file; ``None`` for names that the cache does not give."""
    if _NAMED.fullmatch(name):
        return False
    return True if _TEMPORARY.fullmatch(name) else None
