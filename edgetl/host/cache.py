"""Content-addressed files: a stage that ran once with the same inputs is not run again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from edgetl.device.cached_files import Kind
from edgetl.files import mark_used, refused, write_atomically


@dataclass(frozen=True)
class Cache:
    """Files under ``root``, named by what they were made from. Safe to share between processes."""

    root: Path
    fresh: bool = False
    """Whether nothing is taken that an earlier run measured."""
    _asked: set[Path] = field(default_factory=set, repr=False, compare=False)

    def path(self, kind: Kind, parts: Any, suffix: str = "") -> Path:
        """Where the file made from ``parts`` (JSON-able) belongs; its folder exists afterwards.

        A file that is there counts as used now.

        Raises:
            InputError: the folder cannot be made.
            EdgeTLError: the disk is full.
        """
        folder = self.root / kind
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refused(
                f"cannot make cache folder {str(folder)!r} ({error.strerror}); "
                "give --cache or set EDGETL_CACHE to a writable folder",
                error,
            ) from error
        path = folder / (digest(parts) + suffix)
        mark_used(path)
        return path

    def measured(self, kind: Kind, parts: Any, suffix: str) -> Path:
        """The same for what was measured: with ``fresh`` what lies there is removed when it is first asked for."""
        path = self.path(kind, parts, suffix)
        if self.fresh and path not in self._asked:
            path.unlink(missing_ok=True)
        self._asked.add(path)
        return path

    def file(self, kind: Kind, parts: Any, suffix: str, make: Callable[[Path], object]) -> Path:
        """The file made from ``parts``; ``make(path)`` writes it when it is not there yet."""
        path = self.path(kind, parts, suffix)
        if not path.exists():
            write_atomically(path, make)
        return path


def digest(parts: Any) -> str:
    """SHA-256 of a JSON-able value, independent of the order of keys."""
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
