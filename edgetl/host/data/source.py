"""Where labelled images come from: a folder per class, or a function of the user's own."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import math
import operator
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import get_args

from PIL import Image

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample, SplitName

_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_PROMISE = "a source function takes no arguments and returns an edgetl.host.data.dataset.Dataset"


def open_source(source: str, base: Path) -> Dataset:
    """Open a data source; no image is read yet.

    Args:
        source: a folder with one sub-folder per class, or ``module:function``. The module is ``MODULE.py`` in
            ``base`` when there is one (its code runs), else an importable one; the function takes no arguments and
            returns a :class:`Dataset`.
        base: what a relative source is relative to, usually the folder of the recipe.

    Raises:
        DataError: no such folder or function, not at least two classes, a class without images, or a function that
            fails or returns something else.
    """
    if _FUNCTION.fullmatch(source) and not (base / source).is_dir():
        return _checked(_dataset_from_function(source, base), source, base)
    return _dataset_from_folder(source, base)


def open_images(source: str, base: Path) -> Dataset:
    """Images without labels: every image under a folder, as one class named ``unlabelled``.

    Raises:
        DataError: no such folder, or no images in it.
    """
    root = base / Path(source).expanduser()
    if not root.is_dir():
        raise DataError(f"data source {source!r} is not a folder (looked at {str(root)!r}); expected one with images")
    return Dataset(("unlabelled",), tuple(Sample(path, 0) for path in _images(root)))


def _dataset_from_folder(source: str, base: Path) -> Dataset:
    root = base / Path(source).expanduser()
    if not os.path.exists(root):  # noqa: PTH110 (Path.exists raises where a name is too long)
        raise DataError(
            f"data source {source!r} does not exist (looked at {str(root)!r}); expected a folder with one sub-folder "
            "per class, or module:function; a relative path is relative to the recipe"
        )
    if not root.is_dir():
        raise DataError(
            f"data source {source!r} is a file, expected a folder with one sub-folder per class; for a list of files "
            "write a function and give module:function"
        )
    loose = next((path for path in sorted(root.iterdir()) if path.is_file() and _is_image(path)), None)
    if loose is not None:
        raise DataError(
            f"data source {source!r} has images beside its class folders ({loose.name!r}); expected every image inside "
            "the folder of its class; move them"
        )
    folders = sorted((path for path in root.iterdir() if path.is_dir() and not _is_hidden(path)), key=lambda p: p.name)
    _check_classes(tuple(folder.name for folder in folders), source)
    samples = tuple(Sample(path, label) for label, folder in enumerate(folders) for path in _images(folder))
    return Dataset(tuple(folder.name for folder in folders), samples)


def _images(folder: Path) -> tuple[Path, ...]:
    found = sorted(
        path
        for path in folder.rglob("*")
        if _is_image(path) and path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts)
    )
    if not found:
        raise DataError(
            f"class folder {str(folder)!r} has no images (files ending in .png, .jpg or another format Pillow reads); "
            "add some or remove the folder"
        )
    return tuple(found)


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _is_image(path: Path) -> bool:
    return not _is_hidden(path) and path.suffix.lower() in _endings()


@functools.cache
def _endings() -> frozenset[str]:
    readable = set(Image.registered_extensions().items())  # also fills Image.OPEN
    return frozenset(ending for ending, kind in readable if kind in Image.OPEN)


def _check_classes(classes: tuple[str, ...], source: str) -> None:
    if len(classes) < 2:
        found = f"one class ({classes[0]!r})" if classes else "no class folders"
        raise DataError(f"data source {source!r} has {found}, expected at least two sub-folders, one per class")


def _dataset_from_function(source: str, base: Path) -> object:
    module_name, _, name = source.partition(":")
    module = _module(module_name, base, source)
    function = getattr(module, name, None)
    if not callable(function):
        available = ", ".join(sorted(key for key, value in vars(module).items() if callable(value) and key[0] != "_"))
        raise DataError(
            f"data source {source!r}: {module_name!r} has no function {name!r}; it has: {available or 'none'}"
        )
    try:
        return function()
    except Exception as error:  # the user's own code
        raise DataError(f"data source {source!r} failed: {type(error).__name__}: {error}; {_PROMISE}") from error


def _module(name: str, base: Path, source: str) -> ModuleType:
    file = base.joinpath(*name.split(".")).with_suffix(".py")
    try:
        return _module_from_file(file) if file.is_file() else importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or name.split(".")[0] != error.name.split(".")[0]:
            raise DataError(
                f"data source {source!r} needs {error.name!r}, which is not installed; install it"
            ) from error
        raise DataError(
            f"data source {source!r}: there is no {str(file)!r} and no importable module {name!r}; "
            "expected module:function or a folder"
        ) from error
    except Exception as error:  # the user's own code
        raise DataError(f"data source {source!r} cannot be imported: {type(error).__name__}: {error}") from error


def _module_from_file(file: Path) -> ModuleType:
    # a private name, so that the user's source.py shadows nothing and two recipes may each have one
    name = f"edgetl_source_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None  # it ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up here
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _checked(dataset: object, source: str, base: Path) -> Dataset:
    if not isinstance(dataset, Dataset):
        raise DataError(f"data source {source!r} returned {type(dataset).__name__}; {_PROMISE}")
    classes = tuple(dataset.classes)
    if len(classes) < 2 or len(set(classes)) < len(classes) or not all(isinstance(name, str) for name in classes):
        raise DataError(f"data source {source!r} has classes {classes!r}, expected at least two different names")
    samples = tuple(_checked_sample(sample, index, classes, base) for index, sample in enumerate(dataset.samples))
    present = {sample.label for sample in samples}
    empty = [name for label, name in enumerate(classes) if label not in present]
    if empty:
        raise DataError(f"data source {source!r} has no sample of class {empty[0]!r}; add some or drop the class")
    without = sum(sample.split is None for sample in samples)
    if 0 < without < len(samples):
        raise DataError(
            f"data source {source!r} gives a split to {len(samples) - without} of {len(samples)} samples, "
            "expected to all or to none"
        )
    return Dataset(classes, samples)


def _checked_sample(sample: object, index: int, classes: tuple[str, ...], base: Path) -> Sample:
    if not isinstance(sample, Sample):
        raise DataError(f"sample {index} is {type(sample).__name__}, expected an edgetl.host.data.dataset.Sample")
    if not isinstance(sample.image, (Path, bytes)):
        raise DataError(f"sample {index} has an image of type {type(sample.image).__name__}, expected a Path or bytes")
    image = base / sample.image if isinstance(sample.image, Path) else sample.image
    try:
        label = operator.index(sample.label)
    except TypeError:
        label = -1
    if not 0 <= label < len(classes):
        raise DataError(f"{sample.name} has label {sample.label!r}, expected a number from 0 to {len(classes) - 1}")
    if sample.split not in (None, *get_args(SplitName)):
        raise DataError(f"{sample.name} has split {sample.split!r}, expected one of: {', '.join(get_args(SplitName))}")
    if not (math.isfinite(sample.weight) and sample.weight > 0):
        raise DataError(f"{sample.name} has weight {sample.weight!r}, expected a number above 0")
    group = None if sample.group is None else str(sample.group)
    return replace(sample, image=image, label=label, group=group, weight=float(sample.weight), sha256="")
