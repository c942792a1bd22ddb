"""Samples that must stay together, and how many of each class they are, without a table of units by classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.host.data.dataset import Sample
from edgetl.host.data.labels import places_of

Ints = NDArray[np.int64]
MIXED = -1
"""Label of a unit with several classes."""


@dataclass(frozen=True)
class Units:
    """Groups, and samples that are alone.

    A table of units by classes would take 800 MB for 100,000 images of 1,000 classes, so the counts of a unit are its
    one label and its size, and a row of counts only where it has several.
    """

    members: tuple[tuple[Sample, ...], ...]
    label: Ints
    """Of each unit, or ``MIXED``."""
    size: Ints
    """Samples in each unit."""
    mixed: Mapping[int, Ints]
    """Samples per class of the units with several classes."""
    classes: int

    def __len__(self) -> int:
        return len(self.members)

    def row(self, index: int) -> Ints:
        """Samples per class of a unit."""
        if index in self.mixed:
            return self.mixed[index]
        row = np.zeros(self.classes, np.int64)
        row[self.label[index]] = self.size[index]
        return row

    def samples_per_class(self, chosen: NDArray[np.bool_]) -> Ints:
        """Samples of each class in the chosen units."""
        single = chosen & (self.label != MIXED)
        total = np.bincount(self.label[single], self.size[single], self.classes).astype(np.int64)
        return sum((row for index, row in self.mixed.items() if chosen[index]), total)

    def units_per_class(self, chosen: NDArray[np.bool_]) -> Ints:
        """How many of the chosen units have each class."""
        total = np.bincount(self.label[chosen & (self.label != MIXED)], minlength=self.classes)
        return sum(((row > 0).astype(np.int64) for index, row in self.mixed.items() if chosen[index]), total)

    def with_class(self, label: int) -> Ints:
        """The units that have a class, in order."""
        found = self.label == label
        for index, row in self.mixed.items():
            found[index] = row[label] > 0
        return np.flatnonzero(found)


def units_of(samples: tuple[Sample, ...], classes: int) -> Units:
    """The groups of ``samples``; a sample without group is with its like, by content."""
    grouped: dict[tuple[bool, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        grouped[(True, sample.group) if sample.group is not None else (False, sample.sha256)].append(sample)
    members = tuple(tuple(unit) for unit in grouped.values())
    # samples without any label are divided like those of a class
    width = classes + any(sample.truth == () for sample in samples)
    rows = [_row(unit, classes) for unit in members]
    label = np.array([row.most_common(1)[0][0] if len(row) == 1 else MIXED for row in rows], np.int64)
    mixed = {
        int(index): np.array([rows[index][place] for place in range(width)], np.int64)
        for index in np.flatnonzero(label == MIXED)
    }
    return Units(members, label, np.array([len(unit) for unit in members], np.int64), mixed, width)


def _row(unit: list[Sample] | tuple[Sample, ...], classes: int) -> Counter[int]:
    return Counter(place for sample in unit for place in places_of(sample.truth) or (classes,))
