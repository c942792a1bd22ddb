"""COCO files used for classification: images, categories, and annotations that join them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgetl.errors import DataError
from edgetl.host.data.dataset import SEVERAL, Dataset, Sample


class _Image(msgspec.Struct, frozen=True):
    id: int | str
    file_name: str


class _Annotation(msgspec.Struct, frozen=True):
    image_id: int | str
    category_id: int | str
    iscrowd: int = 0
    bbox: msgspec.Raw = msgspec.Raw()


class _Category(msgspec.Struct, frozen=True):
    id: int | str
    name: str


class _Coco(msgspec.Struct, frozen=True):
    images: tuple[_Image, ...]
    annotations: tuple[_Annotation, ...]
    categories: tuple[_Category, ...]


def from_coco(file: Path) -> Dataset:
    """One label per image from a COCO file; ``file_name`` is relative to the folder of ``file``.

    Boxes, ``iscrowd`` and everything else about regions is ignored. Images without annotation and categories without
    image are left out. All this is said in the data set's notes. Classes keep the order of ``categories``.

    Raises:
        DataError: not such a file, an id that is unknown or there twice, or an image of two categories; names the file.
    """
    coco = _read(file)
    categories = _by_id(coco.categories, "categories", file)
    images = _by_id(coco.images, "images", file)
    chosen = _chosen(coco.annotations, images, categories, file)
    used = [one for one in coco.categories if one.id in set(chosen.values())]
    if len(used) < 2:
        raise DataError(f"COCO file {str(file)!r} has images of {len(used)} categories, expected at least two")
    classes = tuple(one.name for one in used)
    if len(set(classes)) < len(classes):
        raise DataError(f"COCO file {str(file)!r} has two categories of one name, expected different names: {classes}")
    label = {one.id: index for index, one in enumerate(used)}
    samples = tuple(
        Sample(file.parent / image.file_name, label[chosen[image.id]]) for image in coco.images if image.id in chosen
    )
    left_out = tuple(
        (Sample(file.parent / image.file_name).name, "no annotation") for image in coco.images if image.id not in chosen
    )
    return Dataset(classes, samples, _notes(coco, len(left_out), len(used), file), left_out)


def _read(file: Path) -> _Coco:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Coco)
    except OSError as error:
        raise DataError(f"COCO file {str(file)!r} cannot be read ({error.strerror}); check its rights") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"COCO file {str(file)!r}: {error}; expected images (id, file_name), annotations (image_id, category_id) "
            "and categories (id, name)"
        ) from error


def _by_id(entries: tuple[_Image, ...] | tuple[_Category, ...], kind: str, file: Path) -> dict[int | str, str]:
    """Each entry's name by its id."""
    named: dict[int | str, str] = {}
    for entry in entries:
        if entry.id in named:
            raise DataError(f"COCO file {str(file)!r}: id {entry.id!r} is twice in {kind}; expected every id once")
        named[entry.id] = entry.file_name if isinstance(entry, _Image) else entry.name
    if kind == "images" and len(set(named.values())) < len(named):
        seen: set[str] = set()
        twice = next(name for name in named.values() if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise DataError(f"COCO file {str(file)!r}: file_name {twice!r} is twice in images; expected every file once")
    return named


def _chosen(
    annotations: tuple[_Annotation, ...], images: dict[int | str, str], categories: dict[int | str, str], file: Path
) -> dict[int | str, int | str]:
    """The category of each annotated image."""
    chosen: dict[int | str, int | str] = {}
    for index, annotation in enumerate(annotations):
        image, category = annotation.image_id, annotation.category_id
        for wanted, known, kind in ((image, images, "image"), (category, categories, "category")):
            if wanted not in known:
                raise DataError(
                    f"COCO file {str(file)!r}, annotation {index}: there is no {kind} of id {wanted!r}; expected one "
                    "that the file lists"
                )
        if chosen.setdefault(image, category) != category:
            raise DataError(
                f"COCO file {str(file)!r}: image {images[image]!r} is {categories[chosen[image]]!r} and "
                f"{categories[category]!r}; expected one category per image; {SEVERAL}"
            )
    return chosen


def _notes(coco: _Coco, left_out: int, used: int, file: Path) -> tuple[str, ...]:
    boxes = sum(bytes(one.bbox) not in (b"", b"null", b"[]") for one in coco.annotations)
    crowds = sum(one.iscrowd != 0 for one in coco.annotations)
    found = (
        (boxes, "boxes are ignored; only categories count"),
        (crowds, "annotations with iscrowd count like others"),
        (left_out, "images without annotation are left out"),
        (len(coco.categories) - used, "categories without image are left out"),
    )
    return tuple(f"{file.name}: {count} {what}" for count, what in found if count)
