"""Where samples come from: folders, tables, COCO files, archives of these, or a function of the user's own."""

from __future__ import annotations

import os
from pathlib import Path

from edgetl.errors import DataError
from edgetl.host.cache import Cache
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.source.archive import check_inside, is_archive, unpack
from edgetl.host.data.source.coco import from_coco
from edgetl.host.data.source.comma_separated import from_csv
from edgetl.host.data.source.folder import IMAGES, TENSORS, found_under, from_folder, is_image
from edgetl.host.data.source.function import from_function, is_function
from edgetl.host.data.source.parquet import from_parquet
from edgetl.host.data.tensors import is_tensor

TABLES = {".csv": from_csv, ".tsv": from_csv, ".parquet": from_parquet, ".json": from_coco}
"""Files that list images, by their ending."""


def open_source(source: str, base: Path, cache: Cache | None = None) -> Dataset:
    """Open a data source; no sample is read yet.

    Args:
        source: a folder with one sub-folder per class (or ``train``, ``val`` and ``test`` with class folders in each),
            of images or, where there are none, of ``.npz`` files; a ``.csv``, ``.tsv`` or ``.parquet`` table; a COCO
            ``.json``; a ``.zip``, ``.tar`` or ``.tar.gz`` of one of these; or ``module:function`` (looked up in
            ``base`` first) or ``file.py:function``.
        base: what a relative source is relative to, usually the folder of the recipe.
        cache: where archives are unpacked.

    Raises:
        DataError: no such source, not at least two classes, a class without images, or what a format refuses.
    """
    if is_function(source) and not (base / source).is_dir():
        return from_function(source, base)
    path = base / Path(source).expanduser()
    if not os.path.exists(path):  # noqa: PTH110 (Path.exists raises where a name is too long)
        raise DataError(
            f"data source {source!r} does not exist (looked at {str(path)!r}); expected a folder with one sub-folder "
            f"per class, a table ({', '.join(TABLES)}), an archive, or module:function; a relative path is relative "
            "to the recipe"
        )
    if not is_archive(path):
        return _from_path(path, source)
    root = unpack(path, cache)
    return check_inside(_from_path(_within(root, source), source), root, source)


def open_unlabelled(source: str, base: Path, cache: Cache | None = None) -> Dataset:
    """Samples without labels: every image, or every ``.npz`` file, under a folder or in an archive, as one class.

    Raises:
        DataError: no such folder, neither images nor ``.npz`` files in it, or both.
    """
    root = base / Path(source).expanduser()
    if root.is_file() and is_archive(root):
        root = unpack(root, cache)
    if not root.is_dir():
        raise DataError(
            f"data source {source!r} is not a folder (looked at {str(root)!r}); expected one with images, "
            "or with .npz files"
        )
    images, tensors = found_under(root, is_image), found_under(root, is_tensor)
    if bool(images) == bool(tensors):
        found = f"both images ({images[0].name}) and .npz files ({tensors[0].name})" if images else "no samples"
        raise DataError(
            f"data source {source!r} has {found}; expected images (files ending in {IMAGES.endings}), or files "
            f"ending in {TENSORS.endings}"
        )
    return Dataset(("unlabelled",), tuple(Sample(path, 0) for path in images or tensors))


def _from_path(path: Path, source: str) -> Dataset:
    if path.is_dir():
        return from_folder(path, source)
    if path.suffix.lower() not in TABLES:
        raise DataError(
            f"data source {source!r} is a file ending in {path.suffix!r}, expected a folder with one sub-folder per "
            f"class, a table ({', '.join(TABLES)}) or an archive (.zip, .tar, .tar.gz)"
        )
    return TABLES[path.suffix.lower()](path)


def _within(root: Path, source: str) -> Path:
    """The table in an unpacked archive, or else the folder of its classes, below folders that hold nothing else."""
    while True:
        tables = sorted(path.name for path in root.iterdir() if path.is_file() and path.suffix.lower() in TABLES)
        if len(tables) > 1:
            raise DataError(
                f"archive {source!r} has {len(tables)} tables ({', '.join(tables[:4])}), expected one at most; leave "
                "one in it, or unpack it and name the table as source"
            )
        if tables:
            return root / tables[0]
        folders = [path for path in root.iterdir() if path.is_dir()]
        if len(folders) != 1 or not any(
            path.is_dir() or path.suffix.lower() in TABLES for path in folders[0].iterdir()
        ):
            return root
        root = folders[0]
