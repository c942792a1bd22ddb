"""Folders with one sub-folder per class, divided already or not."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.source.split_names import SPLIT_NAMES
from edgetl.host.data.tensors import is_tensor


def from_folder(root: Path, source: str) -> Dataset:
    """The images below ``root``, or its ``.npz`` files where it has none; classes are its sub-folders, by name.

    When ``root`` has a folder ``train`` with folders in it, beside ``val`` (``valid``, ``validation``) or ``test``,
    each of them holds the classes, and the division is kept (the layout of torchvision's ImageFolder).

    Raises:
        DataError: not at least two classes, an empty one, samples beside the class folders, or splits with different
            classes.
    """
    kind, notes = _kind_under(root)
    folders = _sub_folders(root)
    if _is_divided(folders):
        _check_loose(root, kind, source, "its class folders")
        found = _divided(root, folders, kind, source)
    else:
        found = _undivided(root, kind, source, "its class folders")
    return replace(found, notes=(*found.notes, *notes))


@dataclass(frozen=True)
class Kind:
    """One kind of files that are samples."""

    noun: str
    """Several of them in messages."""
    endings: str
    """Of their names, in words."""
    is_one: Callable[[Path], bool]


def is_image(path: Path) -> bool:
    """Whether its name ends like an image's."""
    return path.suffix.lower() in _endings() and path.name[0] != "."


IMAGES = Kind("images", ".png, .jpg or another format Pillow reads", is_image)
TENSORS = Kind(".npz files", ".npz, with one array for each input of the model", is_tensor)


def _kind_under(root: Path) -> tuple[Kind, tuple[str, ...]]:
    """Tensors where there are no images and some of those; and what is worth saying of a folder of both."""
    has_images, has_tensors = (next(_walked(root, is_one), None) is not None for is_one in (is_image, is_tensor))
    if not has_tensors:
        return IMAGES, ()
    return (IMAGES, (f"{root.name} has images, so its .npz files are not used",)) if has_images else (TENSORS, ())


def found_under(folder: Path, is_wanted: Callable[[Path], bool]) -> tuple[Path, ...]:
    """Every wanted file at any depth, in the order of paths, without hidden ones."""
    return tuple(sorted(_walked(folder, is_wanted)))


def _walked(folder: Path, is_wanted: Callable[[Path], bool]) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if is_wanted(path) and path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts):
            yield path


def _is_divided(folders: tuple[Path, ...]) -> bool:
    named = {SPLIT_NAMES[folder.name.lower()]: folder for folder in folders if folder.name.lower() in SPLIT_NAMES}
    return "train" in named and len(named) > 1 and bool(_sub_folders(named["train"]))


def _divided(root: Path, folders: tuple[Path, ...], kind: Kind, source: str) -> Dataset:
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
        parts[split] = _undivided(folder, kind, f"{source}/{folder.name}", f"the class folders of {folder.name!r}")
    _check_same_classes(parts, source)
    samples = tuple(replace(one, split=split) for split, part in parts.items() for one in part.samples)  # type: ignore[arg-type]
    note = f"{root.name} is divided already ({_names(folders, [])}); its splits are kept"
    return Dataset(parts["train"].classes, samples, (note,))


def _undivided(root: Path, kind: Kind, source: str, beside: str) -> Dataset:
    _check_loose(root, kind, source, beside)
    folders = _sub_folders(root)
    _check_classes(tuple(one.name for one in folders), source)
    samples = tuple(Sample(path, label) for label, one in enumerate(folders) for path in _samples_under(one, kind))
    return Dataset(tuple(one.name for one in folders), samples)


def _samples_under(folder: Path, kind: Kind) -> tuple[Path, ...]:
    found = found_under(folder, kind.is_one)
    if not found:
        raise DataError(
            f"class folder {str(folder)!r} has no {kind.noun} (files ending in {kind.endings}); "
            "add some or remove the folder"
        )
    return found


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


def _check_loose(folder: Path, kind: Kind, source: str, beside: str) -> None:
    loose = next((path for path in sorted(folder.iterdir()) if path.is_file() and kind.is_one(path)), None)
    if loose is not None:
        raise DataError(
            f"data source {source!r} has {kind.noun} beside {beside} ({loose.name!r}); expected every one inside "
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
