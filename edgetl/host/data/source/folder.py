"""Folders with one sub-folder per class, divided already or not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PIL import Image

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.source.split_names import SPLIT_NAMES


def from_folder(root: Path, source: str) -> Dataset:
    """The images below ``root``; classes are its sub-folders in the order of their names.

    When ``root`` has a folder ``train`` with folders in it, beside ``val`` (``valid``, ``validation``) or ``test``,
    each of them holds the classes, and the division is kept (the layout of torchvision's ImageFolder).

    Raises:
        DataError: not at least two classes, an empty one, images beside the class folders, or splits with different
            classes.
    """
    _check_loose(root, source, "its class folders")
    folders = _sub_folders(root)
    if _is_divided(folders):
        return _divided(root, folders, source)
    _check_classes(tuple(folder.name for folder in folders), source)
    samples = tuple(Sample(path, label) for label, folder in enumerate(folders) for path in images_under(folder))
    return Dataset(tuple(folder.name for folder in folders), samples)


def images_under(folder: Path) -> tuple[Path, ...]:
    """Every image at any depth, in the order of paths, without hidden ones.

    Raises:
        DataError: there is none.
    """
    found = found_under(folder, is_image)
    if not found:
        raise DataError(
            f"class folder {str(folder)!r} has no images (files ending in .png, .jpg or another format Pillow reads); "
            "add some or remove the folder"
        )
    return found


def found_under(folder: Path, is_wanted: Callable[[Path], bool]) -> tuple[Path, ...]:
    """Every wanted file at any depth, in the order of paths, without hidden ones."""
    return tuple(
        sorted(
            path
            for path in folder.rglob("*")
            if is_wanted(path) and path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts)
        )
    )


def is_image(path: Path) -> bool:
    """Whether its name ends like an image's."""
    return path.suffix.lower() in _endings() and path.name[0] != "."


def _is_divided(folders: tuple[Path, ...]) -> bool:
    named = {SPLIT_NAMES[folder.name.lower()]: folder for folder in folders if folder.name.lower() in SPLIT_NAMES}
    return "train" in named and len(named) > 1 and bool(_sub_folders(named["train"]))


def _divided(root: Path, folders: tuple[Path, ...], source: str) -> Dataset:
    strange = [folder.name for folder in folders if folder.name.lower() not in SPLIT_NAMES]
    if strange:
        raise DataError(
            f"data source {source!r} has folder {strange[0]!r} beside the splits {_names(folders, strange)}; expected "
            "only train, val and test with class folders in each, or only class folders; move it"
        )
    parts: dict[str, Dataset] = {}
    for folder in folders:
        split = SPLIT_NAMES[folder.name.lower()]
        if split in parts:
            raise DataError(f"data source {source!r} has two folders for split {split!r}; keep one ({folder.name!r}?)")
        parts[split] = _part(folder, source)
    _check_same_classes(parts, source)
    samples = tuple(replace(one, split=split) for split, part in parts.items() for one in part.samples)  # type: ignore[arg-type]
    note = f"{root.name} is divided already ({_names(folders, [])}); its splits are kept"
    return Dataset(parts["train"].classes, samples, (note,))


def _part(folder: Path, source: str) -> Dataset:
    _check_loose(folder, source, f"the class folders of {folder.name!r}")
    classes = _sub_folders(folder)
    _check_classes(tuple(one.name for one in classes), f"{source}/{folder.name}")
    samples = tuple(Sample(path, label) for label, one in enumerate(classes) for path in images_under(one))
    return Dataset(tuple(one.name for one in classes), samples)


def _check_same_classes(parts: dict[str, Dataset], source: str) -> None:
    train = parts["train"].classes
    for split, part in parts.items():
        odd = sorted(set(train) ^ set(part.classes))
        if odd:
            place = "train" if odd[0] in train else split
            raise DataError(
                f"data source {source!r}: class folder {odd[0]!r} is only in {place!r}, not in both 'train' and "
                f"{split!r}; expected the same class folders in every split"
            )


def _names(folders: tuple[Path, ...], without: list[str]) -> str:
    return ", ".join(folder.name for folder in folders if folder.name not in without)


def _check_loose(folder: Path, source: str, beside: str) -> None:
    loose = next((path for path in sorted(folder.iterdir()) if path.is_file() and is_image(path)), None)
    if loose is not None:
        raise DataError(
            f"data source {source!r} has images beside {beside} ({loose.name!r}); expected every image inside "
            "the folder of its class; move them"
        )


def _sub_folders(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted((path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."), key=_name))


def _name(path: Path) -> str:
    return path.name


@functools.cache
def _endings() -> frozenset[str]:
    readable = set(Image.registered_extensions().items())  # also fills Image.OPEN
    return frozenset(ending for ending, kind in readable if kind in Image.OPEN)


def _check_classes(classes: tuple[str, ...], source: str) -> None:
    if len(classes) < 2:
        found = f"one class ({classes[0]!r})" if classes else "no class folders"
        raise DataError(f"data source {source!r} has {found}, expected at least two sub-folders, one per class")
