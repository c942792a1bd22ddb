"""How labelled images are divided: stratified, disjoint by content and by group, with a test set that opens once."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.groups import merge_groups
from edgetl.host.data.labels import places_of
from edgetl.recipe import Data

_ATTEMPTS = 16
Samples: TypeAlias = "tuple[Sample, ...]"
Unit: TypeAlias = "tuple[Sample, ...]"
"""Samples that must stay together."""


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

    Splits that the source gives are kept; without a given validation split, one is taken from its training samples.
    The division depends on contents, labels, groups, fractions and seed, not on file names or their order.

    Args:
        seed: used when ``data.split_seed`` is absent.

    Raises:
        DataError: a sample has no content hash, given splits conflict, or a split would lack a class.
    """
    unhashed = next((sample for sample in dataset.samples if not sample.sha256), None)
    if unhashed is not None:
        raise DataError(f"{unhashed.name} has no content hash; audit the data set before dividing it")
    generator = np.random.default_rng(seed if data.split_seed is None else data.split_seed)
    samples = merge_groups(tuple(sorted(dataset.samples, key=_order)))
    classes = len(dataset.classes)
    if any(sample.split is not None for sample in samples):
        test, rest = _given(samples, "test"), tuple(sample for sample in samples if sample.split != "test")
    else:
        test, rest = _take(samples, data.test, 2, classes, generator)
    if any(sample.split == "validation" for sample in samples):
        validation, train = _given(samples, "validation"), _given(samples, "train")
    else:
        validation, train = _take(rest, data.validation, 1, classes, generator)
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
                "of every class; add samples, use more and smaller groups, or change test and validation in [data]"
            )
    return Splits(parts["train"], parts["validation"], Sealed(parts["test"]), counts, digest.hexdigest())


def _class_counts(samples: Samples, classes: int) -> NDArray[np.int64]:
    places = [place for sample in samples for place in places_of(sample.truth)]
    return np.bincount(np.array(places, np.int64), minlength=classes)


def _take(
    samples: Samples, fraction: float, leave: int, classes: int, generator: np.random.Generator
) -> tuple[Samples, Samples]:
    """Take about ``fraction`` of every class and leave ``leave`` units of it; returns the taken and the left."""
    units = _units(samples)
    counts = np.stack([_class_counts(unit, classes) for unit in units])
    without = np.array([sum(sample.truth == () for sample in unit) for unit in units])
    if without.any():
        # samples without any label are divided like those of a class
        counts = np.column_stack([counts, without])
    sizes = np.array([len(unit) for unit in units])
    best, best_distance = np.zeros(len(units), bool), np.inf
    for _ in range(_ATTEMPTS):
        taken = _greedy(counts, sizes, fraction, leave, generator)
        distance = _distance(counts, taken, fraction)
        if distance < best_distance:
            best, best_distance = taken, distance
        if best_distance <= 1:
            break
    chosen = {id(sample) for unit, take in zip(units, best, strict=True) if take for sample in unit}
    return (
        tuple(sample for sample in samples if id(sample) in chosen),
        tuple(sample for sample in samples if id(sample) not in chosen),
    )


def _units(samples: Samples) -> list[Unit]:
    grouped: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        grouped[f"group:{sample.group}" if sample.group is not None else f"alone:{sample.sha256}"].append(sample)
    return [tuple(members) for members in grouped.values()]


def _greedy(
    counts: NDArray[np.int64], sizes: NDArray[np.int64], fraction: float, leave: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Whether each unit of ``sizes`` samples is taken, from samples per unit and class ``(units, classes)``."""
    order = generator.permutation(len(counts))
    is_single = sizes == 1
    drawn = _fill(counts, fraction, leave, order)
    # units of several samples keep the chance of their draw, then single samples fill up to the fraction exactly
    again = np.concatenate((order[drawn[order] & ~is_single[order]], order[is_single[order]]))
    return _with_every_class(counts, _fill(counts, fraction, leave, again), leave)


def _fill(counts: NDArray[np.int64], fraction: float, leave: int, order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Take units in the given order as long as each brings the classes nearer to their fraction."""
    total = counts.sum(axis=0)
    target, weight = np.maximum(total * fraction, 1.0), 1.0 / np.maximum(total, 1)
    remaining = (counts > 0).sum(axis=0)
    taken = np.zeros(len(counts), bool)
    current = np.zeros(counts.shape[1])
    for index in order:
        unit = counts[index]
        nearer = (weight * (2 * (target - current) - unit) * unit).sum() > 0
        if nearer and (remaining - 1)[unit > 0].min() >= leave:
            taken[index] = True
            current += unit
            remaining -= unit > 0
    return taken


def _with_every_class(counts: NDArray[np.int64], taken: NDArray[np.bool_], leave: int) -> NDArray[np.bool_]:
    """Also take the smallest unit of each class that was not taken, where enough of its classes is left."""
    for label in np.flatnonzero(counts[taken].sum(axis=0) == 0):
        remaining = (counts[~taken] > 0).sum(axis=0)
        spare = [
            index
            for index in np.flatnonzero(~taken & (counts[:, label] > 0))
            if (remaining - 1)[counts[index] > 0].min() >= leave
        ]
        if spare:
            taken[min(spare, key=lambda index: int(counts[index].sum()))] = True
    return taken


def _distance(counts: NDArray[np.int64], taken: NDArray[np.bool_], fraction: float) -> float:
    """Largest deviation of any class from its fraction in samples; more than all samples for each missing class."""
    current, total = counts[taken].sum(axis=0), counts.sum(axis=0)
    missing = int((current == 0).sum())
    return float(np.abs(current - total * fraction).max()) + missing * (1.0 + float(total.sum()))
