"""Promises of ``folds`` and ``fold`` in ``[data]``."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.splits import split
from edgetl.recipe import Data


def sample(key: str, label: int, group: str | None = None) -> Sample:
    return Sample(Path(f"{key}.png"), label, group, sha256=hashlib.sha256(key.encode()).hexdigest())


def dataset(*counts: int) -> Dataset:
    samples = tuple(sample(f"{label} {key}", label) for label, count in enumerate(counts) for key in range(count))
    return Dataset(tuple(f"class{label}" for label in range(len(counts))), samples)


def opened(data: Dataset, folds: int, seed: int) -> list[tuple[Sample, ...]]:
    """The test split of each fold."""
    return [split(data, Data("unused", folds=folds, fold=fold), seed).open_test("a test") for fold in range(folds)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(12, 60), min_size=2, max_size=4), st.integers(2, 6), st.integers(0, 9))
def test_every_sample_is_tested_once_and_classes_are_spread_evenly(counts: list[int], folds: int, seed: int) -> None:
    data = dataset(*counts)
    parts = opened(data, folds, seed)
    assert sorted(s.sha256 for part in parts for s in part) == sorted(s.sha256 for s in data.samples)
    for label, count in enumerate(counts):
        sizes = [sum(s.label == label for s in part) for part in parts]
        assert max(sizes) - min(sizes) <= 1
        assert sum(sizes) == count


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5), st.integers(0, 9), st.integers(1, 4))
def test_groups_stay_whole_even_with_several_classes(folds: int, seed: int, size: int) -> None:
    samples = tuple(
        replace(s, group=f"part {(index % 60) // size}") if index % 3 else s
        for index, s in enumerate(dataset(60, 60, 60).samples)
    )
    parts = opened(Dataset(("a", "b", "c"), samples), folds, seed)
    assert Counter(s.sha256 for part in parts for s in part) == Counter(s.sha256 for s in samples)
    groups = [{s.group for s in part} - {None} for part in parts]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert max(map(len, parts)) - min(map(len, parts)) <= 15


def test_the_fraction_is_not_used_and_validation_comes_from_the_rest() -> None:
    splits = split(dataset(50, 50), Data("unused", test=0.5, validation=0.25, folds=5, fold=1), 0)
    assert splits.counts == {"train": (30, 30), "validation": (10, 10), "test": (10, 10)}


def test_given_splits_and_folds_are_refused() -> None:
    data = dataset(20, 20)
    given_splits = replace(data, samples=tuple(replace(s, split="train") for s in data.samples))
    with pytest.raises(DataError, match=r"gives its own splits \(train\), so that folds = 5 cannot divide it"):
        split(given_splits, Data("unused", folds=5, fold=0), 0)


def test_fewer_units_of_a_class_than_folds_are_refused() -> None:
    with pytest.raises(DataError, match=r"no sample of 'class1'.*or folds"):
        opened(dataset(40, 4), 5, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"folds": 5}, "folds and fold go together"),
        ({"fold": 0}, "folds and fold go together"),
        ({"folds": 1, "fold": 0}, "folds must be 2 to 100, got 1"),
        ({"folds": 5, "fold": 5}, "fold must be 0 to 4, got 5"),
        ({"folds": 5, "fold": -1}, "fold must be 0 to 4, got -1"),
    ],
)
def test_wrong_folds_are_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Data("unused", **wrong)


def test_a_test_split_that_is_not_given_is_taken_from_training() -> None:
    data = dataset(50, 50)
    samples = tuple(replace(s, split="train" if i % 5 else "validation") for i, s in enumerate(data.samples))
    assert split(replace(data, samples=samples), Data("unused"), 0).counts == {
        "train": (32, 32),
        "validation": (10, 10),
        "test": (8, 8),
    }


def test_the_division_of_earlier_versions_is_kept() -> None:
    """Results of published recipes were measured on these divisions."""
    samples = dataset(50, 200, 33).samples
    mixed = tuple(replace(s, group=f"part {i % 37}") if i % 3 else s for i, s in enumerate(samples))
    seeded = Data("unused", test=0.3, validation=0.15, split_seed=5)
    assert split(Dataset(("a", "b", "c"), samples), Data("unused"), 3).sha256 == PLAIN
    assert split(Dataset(("a", "b", "c"), mixed), seeded, 3).sha256 == GROUPED


PLAIN = "c3a6a20b42613d9132a7801205e991130df8da88913f2f631ee06500d8950cd1"
GROUPED = "189b4373dd15328bf71b1fbfa41c094edca8cb423b04cbcbba75cbd95c644efc"
