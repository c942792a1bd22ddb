"""How labelled images are divided: stratified, disjoint by content and by group, with a test set that opens once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.folds import folds_of
from edgetl.host.data.groups import merge_groups
from edgetl.host.data.labels import places_of
from edgetl.host.data.take import take
from edgetl.host.data.units import Units, units_of
from edgetl.recipe import Data

Samples: TypeAlias = "tuple[Sample, ...]"


class Sealed:
    """Test samples that can be taken out once."""

    def __init__(self, samples: Samples) -> None:
        self.__samples = samples
        self.__purpose: str | None = None

    def open(self, purpose: str) -> Samples:
        """Take the samples out; ``purpose`` is told to whoever tries again.

        Raises:
            DataError: they were taken out before.
        """
        if self.__purpose is not None:
            raise DataError(
                f"the test split was already opened for {self.__purpose!r} and cannot be opened again for {purpose!r}: "
                "a second look would make its numbers optimistic; keep what the first look returned"
            )
        self.__purpose = purpose
        return self.__samples


@dataclass(frozen=True)
class Splits:
    """Train (fit, calibrate), validation (choices and gates) and a sealed test split; each sorted by content hash."""

    train: Samples
    validation: Samples
    sealed_test: Sealed
    counts: Mapping[str, tuple[int, ...]]
    """Samples per class of ``train``, ``validation`` and ``test``."""
    sha256: str
    """Hash of which picture with which label is in which split."""

    def open_test(self, purpose: str) -> Samples:
        """Take out the test samples, once.

        Raises:
            DataError: they were taken out before.
        """
        return self.sealed_test.open(purpose)

    @property
    def test(self) -> Samples:
        """Not readable.

        Raises:
            DataError: always.
        """
        raise DataError(
            "the test split is read once, for the final report, by open_test(purpose); use validation for choices"
        )


def split(dataset: Dataset, data: Data, seed: int) -> Splits:
    """Divide an audited data set.

    Splits that the source gives are kept; a validation or test split that it does not give is taken from its training
    samples. Else the test split is one of ``data.folds``, or the fraction ``data.test``. The division depends on
    contents, labels, groups, fractions, folds and seed, not on file names or their order; the folds not on ``fold``.

    Args:
        seed: used when ``data.split_seed`` is absent.

    Raises:
        DataError: a sample has no content hash, given splits conflict with each other or with ``folds``, or a split
            would lack a class.
    """
    unhashed = next((sample for sample in dataset.samples if not sample.sha256), None)
    if unhashed is not None:
        raise DataError(f"{unhashed.name} has no content hash; audit the data set before dividing it")
    generator = np.random.default_rng(seed if data.split_seed is None else data.split_seed)
    samples = merge_groups(tuple(sorted(dataset.samples, key=_order)))
    classes = len(dataset.classes)
    given = {sample.split for sample in samples} - {None}
    if given and data.folds is not None:
        raise DataError(
            f"the data source gives its own splits ({', '.join(sorted(map(str, given)))}), so that "
            f"folds = {data.folds} cannot divide it; remove folds and fold from [data], or the splits from the source"
        )
    train = _given(samples, "train") if given else samples
    if "test" in given:
        test = _given(samples, "test")
    elif data.folds is not None and data.fold is not None:
        units = units_of(train, classes)
        test, train = _parted(train, units, folds_of(units, data.folds, generator) == data.fold)
    else:
        test, train = _taken(train, data.test, 2, classes, generator)
    if "validation" in given:
        validation = _given(samples, "validation")
    else:
        validation, train = _taken(train, data.validation, 1, classes, generator)
    return _splits({"train": train, "validation": validation, "test": test}, dataset.classes)


def _order(sample: Sample) -> tuple[str, tuple[int, ...], float]:
    return (sample.sha256, places_of(sample.truth), sample.weight)


def _given(samples: Samples, name: str) -> Samples:
    return tuple(sample for sample in samples if sample.split == name)


def _splits(parts: dict[str, Samples], classes: tuple[str, ...]) -> Splits:
    digest = hashlib.sha256()
    counts = {}
    for name, samples in parts.items():
        digest.update(repr((name, [(sample.sha256, sample.truth) for sample in samples])).encode())
        counts[name] = tuple(int(count) for count in _class_counts(samples, len(classes)))
        lacking = [label for label, count in zip(classes, counts[name], strict=True) if count == 0]
        if lacking:
            raise DataError(
                f"split {name!r} would have no sample of {', '.join(map(repr, lacking))}, expected at least one "
                "of every class; add samples, use more and smaller groups, or change test and validation (or folds) "
                "in [data]"
            )
    return Splits(parts["train"], parts["validation"], Sealed(parts["test"]), counts, digest.hexdigest())


def _class_counts(samples: Samples, classes: int) -> NDArray[np.int64]:
    places = [place for sample in samples for place in places_of(sample.truth)]
    return np.bincount(np.array(places, np.int64), minlength=classes)


def _taken(
    samples: Samples, fraction: float, leave: int, classes: int, generator: np.random.Generator
) -> tuple[Samples, Samples]:
    """Take about ``fraction`` of every class and leave ``leave`` units of it; returns the taken and the left."""
    units = units_of(samples, classes)
    return _parted(samples, units, take(units, fraction, leave, generator))


def _parted(samples: Samples, units: Units, taken: NDArray[np.bool_]) -> tuple[Samples, Samples]:
    """Samples of the units that are taken, and of the others, both in their order."""
    chosen = {id(sample) for unit, is_taken in zip(units.members, taken, strict=True) if is_taken for sample in unit}
    return (
        tuple(sample for sample in samples if id(sample) in chosen),
        tuple(sample for sample in samples if id(sample) not in chosen),
    )
