"""What a cache holds and what was pruned, for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from edgetl.report import numbers
from edgetl.report.page import Column, Page, Table


class Kept(Protocol):
    """One kind of file."""

    @property
    def kind(self) -> str:
        """Its folder."""

    @property
    def files(self) -> int:
        """How many."""

    @property
    def size_bytes(self) -> int:
        """Of all of them."""

    @property
    def oldest_use(self) -> datetime:
        """Of the file that was not used for longest."""

    @property
    def newest_use(self) -> datetime:
        """Of the file that was used last."""


class Removed(Protocol):
    """What pruning did, or would do."""

    @property
    def files(self) -> int:
        """Removed."""

    @property
    def size_bytes(self) -> int:
        """Removed."""

    @property
    def kept_files(self) -> int:
        """Still there."""

    @property
    def kept_bytes(self) -> int:
        """Still there."""

    @property
    def failed(self) -> Sequence[tuple[str, str]]:
        """Path and reason."""


def cache_page(root: Path, kinds: Sequence[Kept], now_s: float) -> Page:
    """Size and use of every kind of file, largest kinds first."""
    columns = (
        Column("Kind"),
        Column("Files", "right"),
        Column("Size", "right"),
        Column("Oldest use", "right"),
        Column("Newest use", "right"),
    )
    rows = tuple(
        (
            one.kind,
            numbers.count(one.files),
            numbers.megabytes(one.size_bytes),
            numbers.age(now_s - one.oldest_use.timestamp()),
            numbers.age(now_s - one.newest_use.timestamp()),
        )
        for one in sorted(kinds, key=lambda one: (-one.size_bytes, one.kind))
    )
    files, size = sum(one.files for one in kinds), sum(one.size_bytes for one in kinds)
    total = f"{_files(files)}, {numbers.megabytes(size)}" if kinds else "It is empty."
    return Page(f"Cache {root}", (total,), (Table("", columns, rows),) if rows else ())


def pruned_page(root: Path, pruned: Removed, dry_run: bool) -> Page:
    """What went and what stays."""
    verb = "Would remove" if dry_run else "Removed"
    gone = f"{verb} {_files(pruned.files)}, {numbers.megabytes(pruned.size_bytes)}."
    rest = f"{_files(pruned.kept_files)}, {numbers.megabytes(pruned.kept_bytes)} stay."
    failed = Table("Could not be removed", (Column("File"), Column("Why")), tuple(pruned.failed))
    return Page(f"Cache {root}", (gone, rest), (failed,) if pruned.failed else ())


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{numbers.count(count)} files"
