from __future__ import annotations

from pathlib import Path

import pytest

from edgetl.errors import DataError
from edgetl.host.data.audit import Audit, audit
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.labels import checked_labels, class_counts, in_words, strata
from edgetl.host.data.source import open_source
from edgetl.host.data.splits import split
from edgetl.progress import Silent
from edgetl.recipe import Data

IMAGE = Path("x.png")


def test_labels_become_plain_numbers_in_rising_order() -> None:
    assert checked_labels(Sample(IMAGE, labels=(2, 0)), 3).truth == (0, 2)
    assert checked_labels(Sample(IMAGE, labels=()), 3).truth == ()
    assert checked_labels(Sample(IMAGE, 1), 3).truth == 1


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        pytest.param(Sample(IMAGE, labels=(0, 3)), "numbers from 0 to 2", id="out of range"),
        pytest.param(Sample(IMAGE, labels=(1, 1)), "each of them once", id="twice the same"),
        pytest.param(Sample(IMAGE, 1, labels=(1,)), "one of both", id="label and labels"),
        pytest.param(Sample(IMAGE, labels=("a",)), "numbers from 0 to 2", id="a name"),  # type: ignore[arg-type]
        pytest.param(Sample(IMAGE, labels=1), "a tuple of numbers", id="not a tuple"),  # type: ignore[arg-type]
        pytest.param(Sample(IMAGE), "a number from 0 to 2", id="neither"),
    ],
)
def test_labels_that_mean_nothing_are_refused(sample: Sample, words: str) -> None:
    with pytest.raises(DataError, match=words):
        checked_labels(sample, 3)


def test_a_sample_belongs_to_the_stratum_of_its_rarest_class() -> None:
    samples = [Sample(IMAGE, labels=labels) for labels in ((0,), (0, 1), (0,), (), (1, 2), (1,))]
    assert class_counts(samples) == {0: 3, 1: 3, 2: 1}
    assert strata(samples) == (0, 0, 0, -1, 2, 1)
    assert strata([Sample(IMAGE, label) for label in (2, 0, 2)]) == (2, 0, 2)


def test_classes_are_told_in_words() -> None:
    assert in_words((0, 2), ("a", "b", "c")) == "a + c"
    assert in_words((), ("a",)) == "none"
    assert in_words(1, ("a", "b")) == "b"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        pytest.param("(0,), (0, 1)", "'a' in every sample", id="a class in every sample"),
        pytest.param("(0,), ()", "no sample of class 'b'", id="a class without samples"),
    ],
)
def test_a_class_that_nothing_tells_apart_is_refused(labels: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text(
        "from edgetl.host.data.dataset import Dataset, Sample\n"
        f"def load():\n    return Dataset(('a', 'b'), tuple(Sample(b'x', labels=labels) for labels in ({labels})))\n"
    )
    with pytest.raises(DataError, match=words):
        open_source("source:load", tmp_path)


def test_one_picture_with_two_sets_of_labels_is_refused(photos: Path) -> None:
    image = next(photos.rglob("*.png"))
    samples = (Sample(image, labels=(0, 1)), Sample(image, labels=()))
    with pytest.raises(DataError, match=r"is 'a \+ b', .* is 'none'"):
        audit(Dataset(("a", "b"), samples), Audit(min_per_class=1, skip_bad=False, threads=1), Silent())


def test_hash_of_a_data_set_depends_on_labels() -> None:
    def digest(labels: tuple[int, ...]) -> str:
        return Dataset(("a", "b"), (Sample(b"", labels=labels, sha256="0"),)).sha256

    assert len({digest(()), digest((0,)), digest((0, 1))}) == 3


def test_hash_of_a_data_set_with_one_label_each_is_what_it_was() -> None:
    # written down before samples could have several labels: caches stay valid
    dataset = Dataset(("a", "b"), (Sample(b"", 0, sha256="00"), Sample(b"", 1, "g", "test", 2.0, "11")))
    assert dataset.sha256 == "985f2492022347c4c32e25239546c60cbb67532155fbd9c081da136fd0f6c7ff"


def test_splits_keep_the_proportion_of_every_label_even_of_a_rare_one() -> None:
    def labels_of(index: int) -> tuple[int, ...]:
        return tuple(label for label, every in enumerate((2, 3, 20)) if index % every == 0)

    samples = tuple(Sample(b"", labels=labels_of(index), sha256=f"{index:04d}") for index in range(300))
    splits = split(Dataset(("a", "b", "c"), samples), Data("x", test=0.2, validation=0.25), seed=0)
    assert splits.counts["test"] == pytest.approx((30, 20, 3), abs=3)
    assert splits.counts["validation"] == pytest.approx((30, 20, 3), abs=3)
    without = sum(sample.labels == () for sample in splits.validation)
    assert without == pytest.approx(sum(sample.labels == () for sample in samples) * 0.2, abs=4)


def test_a_label_too_rare_for_three_splits_is_refused() -> None:
    samples = tuple(Sample(b"", labels=(0,) if i % 2 else (), sha256=f"{i:03d}") for i in range(40))
    rare = tuple(Sample(b"", labels=(0, 1), sha256=f"rare{i}") for i in range(2))
    with pytest.raises(DataError, match="no sample of 'class1'"):
        split(Dataset(("class0", "class1"), samples + rare), Data("x"), seed=0)
