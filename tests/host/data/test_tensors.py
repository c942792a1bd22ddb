"""Samples that are tensors already, on the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.errors import DataError
from edgetl.host.data.audit import Audit
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.tensors import TensorReader
from edgetl.progress import Silent
from edgetl.tensors import TensorSpec

READER = TensorReader(
    (TensorSpec("ids", "int64", (None, None)), TensorSpec("mask", "int64", (None, None))),
    {"ids": ("batch", "length"), "mask": ("batch", "length")},
)
STRICT, LENIENT = Audit(1, False, 1), Audit(1, True, 1)


def written(path: Path, length: int, **changes: Any) -> Sample:
    arrays = {"ids": np.arange(length), "mask": np.ones(length, np.int64)}
    np.savez(path, **arrays | changes)
    return Sample(path, 0)


def dataset_of(*samples: Sample) -> Dataset:
    return Dataset(("unlabelled",), samples)


def test_samples_are_hashed_by_what_the_model_is_fed(tmp_path: Path) -> None:
    one = written(tmp_path / "one.npz", 3)
    batched = written(tmp_path / "two.npz", 3, ids=np.arange(3, dtype=np.int8)[None])
    other = written(tmp_path / "three.npz", 4)
    samples = READER.audit(dataset_of(one, batched, other), STRICT, Silent()).dataset.samples
    hashes = [sample.sha256 for sample in samples]
    assert hashes[0] == hashes[1] != hashes[2]


def test_unfit_samples_are_refused_together_or_left_out(tmp_path: Path) -> None:
    good = written(tmp_path / "good.npz", 3)
    (tmp_path / "bad.npz").write_bytes(b"PK and nothing")
    long = written(tmp_path / "long.npz", 3, mask=np.ones(4, np.int64))
    dataset = dataset_of(good, Sample(tmp_path / "bad.npz", 0), long)
    with pytest.raises(
        DataError, match=r"2 samples cannot be read; repair or remove them(.|\n)*'length' in several inp"
    ):
        READER.audit(dataset, STRICT, Silent())
    audited = READER.audit(dataset, LENIENT, Silent())
    assert [sample.image for sample in audited.dataset.samples] == [good.image]
    assert [name for name, _ in audited.left_out] == ["bad.npz", "long.npz"]
    assert not any(str(tmp_path) in reason for _, reason in audited.left_out)


def test_nothing_that_can_be_read_is_refused_even_where_bad_ones_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"")
    with pytest.raises(DataError, match="1 sample cannot be read"):
        READER.audit(dataset_of(Sample(tmp_path / "bad.npz", 0)), LENIENT, Silent())


def test_alike_are_the_commonest_and_the_longer_of_equals(tmp_path: Path) -> None:
    lengths = (2, 5, 3, 5, 3)
    samples = tuple(written(tmp_path / f"{place}.npz", length) for place, length in enumerate(lengths))
    assert READER.alike(samples) == (samples[1], samples[3])
    assert READER.alike(samples[:3] + samples[4:]) == (samples[2], samples[4])


def test_graphs_are_timed_with_a_sample_of_middle_size(tmp_path: Path) -> None:
    samples = tuple(written(tmp_path / f"{length}.npz", length) for length in (9, 1, 4))
    assert READER.example(samples, 0)["ids"].shape == (1, 4)


def test_samples_of_one_value_each_are_refused_where_all_are(tmp_path: Path) -> None:
    blank = [written(tmp_path / f"{place}.npz", 4, ids=np.full(4, place)) for place in range(32)]
    with pytest.raises(DataError, match="each of 32 samples holds one value throughout in every input"):
        READER.check(blank)

    READER.check([*blank[:-1], written(tmp_path / "other.npz", 4)])


def test_single_numbers_are_samples_like_others(tmp_path: Path) -> None:
    READER.check([written(tmp_path / f"{place}.npz", 1, ids=np.full(1, place)) for place in range(4)])
    READER.check([])
