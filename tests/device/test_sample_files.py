"""Samples of tensors from ``.npz`` files."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.sample_files import read_sample
from edgetl.errors import DataError
from edgetl.tensors import Array, TensorSpec

SPECS = (TensorSpec("ids", "int64", (None, None)), TensorSpec("level", "float32", (1, 3)))
SOUND = {"ids": np.int64([3, 1, 2]), "level": np.float32([0.5, 1.0, 2.0])}


def packed(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def test_a_batch_is_put_before_arrays_that_lack_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", **SOUND)
    np.savez(tmp_path / "two.npz", **{name: array[None] for name, array in SOUND.items()})
    found = [read_sample(tmp_path / name, SPECS) for name in ("one.npz", "two.npz")]
    for feeds in found:
        assert list(feeds) == ["ids", "level"]
        np.testing.assert_array_equal(feeds["ids"], [[3, 1, 2]])
        assert feeds["level"].shape == (1, 3)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", ">i8"])
def test_integers_are_widened(dtype: str) -> None:
    ids = read_sample(packed(**SOUND | {"ids": np.array([3, 1, 2], dtype)}), SPECS)["ids"]
    assert ids.dtype == np.int64
    assert ids.dtype.isnative
    np.testing.assert_array_equal(ids, [[3, 1, 2]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": np.uint64([1])}, "'ids' is uint64, expected int64, or integers that fit into it"),
        ({"ids": np.float32([1])}, "'ids' is float32, expected int64"),
        ({"ids": np.array([True])}, "'ids' is bool, expected int64"),
        ({"level": np.float64([1, 2, 3])}, "'level' is float64, expected float32; convert it"),
        ({"level": np.int8([1, 2, 3])}, "'level' is int8, expected float32; convert it"),
        ({"level": np.float32([1, 2])}, r"shape \(2,\); a file is one sample: expected \(3\), or \(1, 3\) with its"),
        ({"ids": np.zeros((2, 3), np.int64)}, r"shape \(2, 3\); .* expected \(any\), or \(1, any\) with its batch"),
        ({"ids": np.zeros((1, 1, 3), np.int64)}, r"shape \(1, 1, 3\); a file is one sample"),
        ({"ids": np.int64(7)}, r"shape \(\); a file is one sample"),
        ({"ids": np.zeros((0,), np.int64)}, r"shape \(0,\) and holds no value"),
        ({"level": np.float32([1, np.nan, np.inf])}, "2 of 3 values of input 'level' are NaN or infinite"),
        ({"ids": np.array([1, "a"], object)}, "it holds Python objects"),
        (
            {"mask": np.int64([1])},
            "its arrays are ids, level, mask; expected exactly the inputs of the model: ids, lev",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_a_sample_that_is_not_what_the_model_takes_is_refused(changes: dict[str, Array], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_sample(packed(**SOUND | changes), SPECS)


def test_a_missing_array_is_refused_by_its_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", level=SOUND["level"])
    with pytest.raises(
        DataError, match=r"one.npz' as a sample: its arrays are level; expected exactly .*: ids, level;"
    ):
        read_sample(tmp_path / "one.npz", SPECS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is no .npz file; write one with numpy.savez, with one array for each input: ids, level"),
        (b"\x93NUMPY\x01\x00", "it is no .npz file"),
        (b"\x80\x04]\x94.", "it is no .npz file"),
        (b"PK\x03\x04 and no more", "it is damaged"),
        (b"PK\x05\x06" + bytes(18), "its arrays are none"),
    ],
    ids=["empty", "npy", "pickle", "cut off", "no arrays"],
)
def test_what_is_no_archive_of_arrays_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_sample(content, SPECS)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no.npz' as a sample: it cannot be read \(No such file"):
        read_sample(tmp_path / "no.npz", SPECS)
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match="it is no file"):
        read_sample(tmp_path / "pipe.npz", SPECS)


def test_an_array_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetl.device.sample_files._BYTES_MAX", 1000)
    with pytest.raises(DataError, match="one of its arrays unpacks to"):
        read_sample(packed(**SOUND | {"ids": np.zeros(10_000, np.int64)}), SPECS)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_or_read_in_full(data: st.DataObject) -> None:
    content = bytearray(packed(**SOUND))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(1, len(content)))
    try:
        feeds = read_sample(bytes(content[:cut]), SPECS)
    except DataError:
        return
    assert {name: array.shape[0] for name, array in feeds.items()} == {"ids": 1, "level": 1}
