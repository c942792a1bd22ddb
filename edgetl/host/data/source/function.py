"""A data source that is a function of the user's own."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import get_args

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample, SplitName
from edgetl.host.data.labels import checked_labels, class_counts

_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_FILE_FUNCTION = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")
_PROMISE = "a source function takes no arguments and returns an edgetl.host.data.dataset.Dataset"


def is_function(source: str) -> bool:
    """Whether it reads ``module:function`` or ``path/to/file.py:function``."""
    return bool(_FUNCTION.fullmatch(source) or _FILE_FUNCTION.fullmatch(source))


def file_of(source: str, base: Path) -> Path:
    """The file that a function is looked up in first."""
    name = source.rpartition(":")[0]
    return (
        base / Path(name).expanduser() if name.endswith(".py") else base.joinpath(*name.split(".")).with_suffix(".py")
    )


def from_function(source: str, base: Path) -> Dataset:
    """What the user's function returns, checked.

    Args:
        source: ``module:function`` or ``path/to/file.py:function``. The module is ``MODULE.py`` in ``base`` when there
            is one (its code runs), else an importable one; the function takes no arguments.
        base: what relative image paths are relative to.

    Raises:
        DataError: there is no such function, it fails, or it returns something else than a sound :class:`Dataset`.
    """
    return _checked(_returned(source, base), source, base)


def _returned(source: str, base: Path) -> object:
    module_name, _, name = source.rpartition(":")
    module = _module(module_name, file_of(source, base), source)
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


def _module(name: str, file: Path, source: str) -> ModuleType:
    if name.endswith(".py") and not file.is_file():
        raise DataError(
            f"data source {source!r}: there is no file {str(file)!r}; a relative path is relative to the recipe"
        )
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
    counts = class_counts(samples)
    empty = [name for label, name in enumerate(classes) if not counts[label]]
    if empty:
        raise DataError(f"data source {source!r} has no sample of class {empty[0]!r}; add some or drop the class")
    everywhere = [name for label, name in enumerate(classes) if counts[label] == len(samples)]
    if everywhere:
        raise DataError(
            f"data source {source!r} has class {everywhere[0]!r} in every sample, so nothing tells it apart; add "
            "samples without it, or drop the class"
        )
    without = sum(sample.split is None for sample in samples)
    if 0 < without < len(samples):
        raise DataError(
            f"data source {source!r} gives a split to {len(samples) - without} of {len(samples)} samples, "
            "expected to all or to none"
        )
    return replace(dataset, classes=classes, samples=samples)


def _checked_sample(sample: object, index: int, classes: tuple[str, ...], base: Path) -> Sample:
    if not isinstance(sample, Sample):
        raise DataError(f"sample {index} is {type(sample).__name__}, expected an edgetl.host.data.dataset.Sample")
    if not isinstance(sample.image, (Path, bytes)):
        raise DataError(f"sample {index} has an image of type {type(sample.image).__name__}, expected a Path or bytes")
    image = base / sample.image if isinstance(sample.image, Path) else sample.image
    sample = checked_labels(sample, len(classes))
    if sample.split not in (None, *get_args(SplitName)):
        raise DataError(f"{sample.name} has split {sample.split!r}, expected one of: {', '.join(get_args(SplitName))}")
    if not (math.isfinite(sample.weight) and sample.weight > 0):
        raise DataError(f"{sample.name} has weight {sample.weight!r}, expected a number above 0")
    group = None if sample.group is None else str(sample.group)
    domain = None if sample.domain is None else str(sample.domain)
    weight = float(sample.weight)
    return replace(sample, image=image, group=group, weight=weight, domain=domain, sha256="")
