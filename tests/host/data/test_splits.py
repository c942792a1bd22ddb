"""Promises of :mod:`edgetl.host.data.splits`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.splits import Splits, split
from edgetl.recipe import Data

DATA = Data("unused")
FAST = settings(max_examples=80, deadline=None)


def sample(key: int, label: int, group: str | None = None) -> Sample:
    return Sample(Path(f"{key}.png"), label, group, sha256=hashlib.sha256(str(key).encode()).hexdigest())


def dataset(*counts: int) -> Dataset:
    samples = tuple(sample(1000 * label + key, label) for label, count in enumerate(counts) for key in range(count))
    return Dataset(tuple(f"class{label}" for label in range(len(counts))), samples)


def parts(splits: Splits) -> tuple[tuple[Sample, ...], ...]:
    return splits.train, splits.validation, splits.open_test("a test")


@st.composite
def grouped_datasets(draw: st.DrawFn) -> Dataset:
    """Classes of single samples, groups of one class, and repeated pictures; at least four units each."""
    samples = []
    for label in range(draw(st.integers(2, 4))):
        for unit in range(draw(st.integers(4, 12))):
            size = draw(st.integers(1, 5))
            kind = draw(st.sampled_from(["alone", "group", "repeat"]))
            for member in range(1 if kind == "alone" else size):
                key = 10_000 * label + 100 * unit + (0 if kind == "repeat" else member)
                samples.append(sample(key, label, f"group {label} {unit}" if kind == "group" else None))
    return Dataset(tuple(f"class{label}" for label in range(1 + max(s.label for s in samples))), tuple(samples))


@FAST
@given(grouped_datasets(), st.integers(0, 5))
def test_splits_share_no_picture_and_no_group_and_lose_no_sample(data: Dataset, seed: int) -> None:
    every = parts(split(data, DATA, seed))
    for key in ("sha256", "group"):
        seen = [{getattr(s, key) for s in part} - {None} for part in every]
        assert sum(map(len, seen)) == len(set.union(*seen))
    assert sorted(s.sha256 for part in every for s in part) == sorted(s.sha256 for s in data.samples)


@FAST
@given(grouped_datasets(), st.integers(0, 5))
def test_every_split_has_every_class(data: Dataset, seed: int) -> None:
    for part in parts(split(data, DATA, seed)):
        assert {s.label for s in part} == set(range(len(data.classes)))


@FAST
@given(
    st.lists(st.integers(4, 200), min_size=2, max_size=5), st.floats(0.1, 0.6), st.floats(0.1, 0.6), st.integers(0, 3)
)
def test_single_samples_are_divided_to_the_sample(counts: list[int], test: float, validation: float, seed: int) -> None:
    splits = split(dataset(*counts), Data("unused", test=test, validation=validation), seed)
    for label, count in enumerate(counts):
        n_test, n_validation = splits.counts["test"][label], splits.counts["validation"][label]
        assert abs(n_test - count * test) <= 1
        assert abs(n_validation - (count - n_test) * validation) <= 1
        assert splits.counts["train"][label] == count - n_test - n_validation


def test_groups_of_equal_size_are_divided_to_the_group() -> None:
    data = dataset(300, 300)
    samples = tuple(replace(s, group=f"{s.label} {index // 5}") for index, s in enumerate(data.samples))
    counts = split(Dataset(data.classes, samples), DATA, 0).counts
    assert all(abs(count - 60) <= 5 for count in counts["test"])
    assert all(abs(count - 48) <= 5 for count in counts["validation"])


@FAST
@given(grouped_datasets(), st.randoms())
def test_the_order_and_names_of_files_change_nothing(data: Dataset, random: object) -> None:
    shuffled = [replace(s, image=Path(f"renamed/{index}.png")) for index, s in enumerate(data.samples)]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = split(data, DATA, 0), split(replace(data, samples=tuple(shuffled)), DATA, 0)
    assert one.sha256 == two.sha256
    assert [s.sha256 for s in one.train] == [s.sha256 for s in two.train]


def test_the_same_seed_divides_alike_and_another_does_not() -> None:
    one, same, other = (split(dataset(50, 50), DATA, seed) for seed in (0, 0, 1))
    assert parts(one) == parts(same)
    assert one.sha256 == same.sha256 != other.sha256


def test_split_seed_comes_before_the_recipes_seed() -> None:
    fixed = Data("unused", split_seed=7)
    assert split(dataset(50, 50), fixed, 0).sha256 == split(dataset(50, 50), fixed, 1).sha256


def test_large_groups_are_not_always_tested() -> None:
    data = dataset(40, 40)
    samples = tuple(replace(s, group="big") if s.label == 0 and int(s.image.stem) < 8 else s for s in data.samples)  # type: ignore[union-attr]
    tested = [
        any(s.group == "big" for s in parts(split(replace(data, samples=samples), DATA, seed))[2]) for seed in range(40)
    ]
    assert 0 < sum(tested) < 40


def test_the_test_split_opens_once() -> None:
    splits = split(dataset(10, 10), DATA, 0)
    assert len(splits.open_test("final report")) == 4
    with pytest.raises(DataError, match=r"already opened for 'final report' .* again for 'tuning'"):
        splits.open_test("tuning")


def test_the_test_split_cannot_be_read_another_way() -> None:
    splits = split(dataset(10, 10), DATA, 0)
    with pytest.raises(DataError, match="by open_test"):
        splits.test  # noqa: B018
    held = {s.sha256 for s in splits.train + splits.validation}
    assert not any(s.sha256 in repr(splits) for s in dataset(10, 10).samples if s.sha256 not in held)


def test_given_splits_are_kept() -> None:
    names = ("train", "validation", "test")
    samples = tuple(replace(s, split=names[index % 3]) for index, s in enumerate(dataset(9, 9).samples))  # type: ignore[arg-type]
    for name, part in zip(names, parts(split(replace(dataset(9, 9), samples=samples), DATA, 0)), strict=True):
        assert {s.split for s in part} == {name}


def test_validation_is_taken_from_training_when_none_is_given() -> None:
    samples = tuple(
        replace(s, split="test" if index % 5 == 0 else "train") for index, s in enumerate(dataset(25, 25).samples)
    )
    splits = split(replace(dataset(25, 25), samples=samples), DATA, 0)
    assert splits.counts == {"train": (16, 16), "validation": (4, 4), "test": (5, 5)}
    assert {s.split for s in splits.validation} == {"train"}


def test_given_splits_without_a_class_are_refused() -> None:
    samples = tuple(replace(s, split="test" if s.label else "train") for s in dataset(9, 9).samples)
    with pytest.raises(DataError, match=r"split '\w+' would have no sample of 'class\d'"):
        split(replace(dataset(9, 9), samples=samples), DATA, 0)


def test_given_splits_that_share_a_group_are_refused() -> None:
    samples = tuple(
        replace(s, group="all", split="test" if i % 2 else "train") for i, s in enumerate(dataset(9, 9).samples)
    )
    with pytest.raises(DataError, match="linked by group 'all'"):
        split(replace(dataset(9, 9), samples=samples), DATA, 0)


def test_a_class_in_too_few_groups_is_refused() -> None:
    samples = tuple(
        replace(s, group=f"part {int(s.image.stem) % 2}" if s.label else None) for s in dataset(9, 10).samples
    )  # type: ignore[union-attr]
    with pytest.raises(DataError, match=r"would have no sample of 'class1'.*smaller groups"):
        split(replace(dataset(9, 10), samples=samples), DATA, 0)


def test_samples_without_hash_are_refused() -> None:
    with pytest.raises(DataError, match="audit the data set"):
        split(Dataset(("a", "b"), (Sample(b"x", 0), Sample(b"y", 1))), DATA, 0)
