"""What is true of samples, whether they have one label or several."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from edgetl.errors import DataError
from edgetl.golden import Label
from edgetl.host.data.dataset import Sample


def places_of(label: Label) -> tuple[int, ...]:
    """Every class of a sample: the one it has, or all it has."""
    return label if isinstance(label, tuple) else (label,)


def in_words(label: Label, classes: Sequence[str]) -> str:
    """The names of a sample's classes, in one phrase."""
    return " + ".join(classes[place] for place in places_of(label)) or "none"


def class_counts(samples: Iterable[Sample]) -> Counter[int]:
    """How many samples have each class."""
    return Counter(place for sample in samples for place in places_of(sample.truth))


def strata(samples: Sequence[Sample]) -> tuple[int, ...]:
    """One number per sample by which any stratified choice keeps classes in proportion: its rarest class.

    With one label each that is the class itself; -1 stands for no label. Rare classes come first because common ones
    come along by themselves.

    References:
        Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD 2011 (the rarest label
        first).
    """
    counts = class_counts(samples)
    return tuple(
        min(places_of(sample.truth), key=lambda place: (counts[place], place), default=-1) for sample in samples
    )


def checked_labels(sample: Sample, classes: int) -> Sample:
    """The sample with its label, or labels, as plain numbers in rising order.

    Raises:
        DataError: out of range, twice the same, or both ``label`` and ``labels``.
    """
    if sample.labels is None:
        return replace(sample, label=_place(sample, sample.label, classes, "label"))
    if sample.label != -1:
        raise DataError(f"{sample.name} has label {sample.label!r} and labels {sample.labels!r}, expected one of both")
    try:
        given = tuple(sample.labels)
    except TypeError as error:
        raise DataError(f"{sample.name} has labels {sample.labels!r}, expected a tuple of numbers") from error
    places = tuple(_place(sample, place, classes, "labels") for place in given)
    if len(set(places)) < len(places):
        raise DataError(f"{sample.name} has labels {given!r}, expected each of them once")
    return replace(sample, labels=tuple(sorted(places)))


def _place(sample: Sample, value: object, classes: int, what: str) -> int:
    try:
        place = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        place = -1
    if not 0 <= place < classes:
        shown = sample.label if sample.labels is None else sample.labels
        expected = "a number" if what == "label" else "numbers"
        raise DataError(f"{sample.name} has {what} {shown!r}, expected {expected} from 0 to {classes - 1}")
    return place
