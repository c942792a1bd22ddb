"""Arrays of images, kept in shards: what was computed once for an image is not computed again."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from edgetl.files import mark_used, replacing
from edgetl.host.cache import digest
from edgetl.tensors import Array

_SHARD_ROWS = 1024
_KEYS = "keys"
Row: TypeAlias = Mapping[str, Array]
"""Named arrays of one image; every row of a folder has the same names, shapes and dtypes."""


def kept_rows(folder: Path, wanted: set[str]) -> dict[str, Row]:
    """The rows of a folder whose keys are wanted; a damaged shard counts as none and is removed."""
    found: dict[str, Row] = {}
    for path in sorted(folder.glob("*.npz")):
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as shard:
                places = {str(key): place for place, key in enumerate(shard[_KEYS]) if str(key) in wanted}
                arrays = {name: shard[name] for name in shard.files if name != _KEYS} if places else {}
            rows = {key: {name: array[place] for name, array in arrays.items()} for key, place in places.items()}
        except (OSError, EOFError, ValueError, LookupError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)
            continue
        if rows:
            mark_used(path)
        found.update(rows)
    return found


def keeping(folder: Path, rows: Iterator[tuple[str, Row]]) -> Iterator[tuple[str, Row]]:
    """Hand rows on as they come, and keep them in ``folder``, shard by shard."""
    shard: dict[str, Row] = {}
    for key, row in rows:
        shard[key] = row
        if len(shard) >= _SHARD_ROWS:
            _save(folder, shard)
            shard = {}
        yield key, row
    if shard:
        _save(folder, shard)


def _save(folder: Path, shard: Mapping[str, Row]) -> None:
    names = next(iter(shard.values())).keys()
    arrays = {name: np.stack([row[name] for row in shard.values()]) for name in names}
    with replacing(folder / f"{digest(sorted(shard))}.npz") as file:
        np.savez(file, **{_KEYS: np.array(list(shard)), **arrays})  # type: ignore[arg-type]
