from __future__ import annotations

import numpy as np
import pytest

from edgetl.device.feeds import (
    GOLDEN_BYTES,
    buffers,
    bytes_of,
    feeds_from_golden,
    golden_room,
    random_feeds,
    turns,
    zeros,
)
from edgetl.golden import Golden
from edgetl.tensors import DType, TensorSpec

SPECS = (TensorSpec("x", "float32", (None, 3, None)), TensorSpec("anchors", "int64", (2,)))


def golden(n: int) -> Golden:
    return Golden({"image": np.arange(n * 4, dtype=np.uint8).reshape(n, 2, 2)}, {})


@pytest.mark.parametrize("batch", [1, 2, 3, 16, 100])
def test_at_least_eight_inputs_take_turns(batch: int) -> None:
    assert buffers(batch) >= 8
    assert len(random_feeds(SPECS, 0, batch)) == len(feeds_from_golden(golden(5), batch)) == buffers(batch)


@pytest.mark.parametrize("n", [1, 3, 5, 40])
def test_inputs_lie_in_memory_of_their_own_however_few_samples_there_are(n: int) -> None:
    feeds = feeds_from_golden(golden(n))
    places = {feed["image"].__array_interface__["data"][0] for feed in feeds}
    assert len(places) == len(feeds) == 16
    assert all(feed["image"].base is None for feed in feeds)


def test_batches_hold_the_samples_one_after_another() -> None:
    assert turns(5, 3)[:3] == ((0, 1, 2), (3, 4, 0), (1, 2, 3))
    samples = golden(5).inputs["image"]
    np.testing.assert_array_equal(feeds_from_golden(golden(5), 3)[1]["image"], samples[[3, 4, 0]])


def test_only_a_free_first_size_is_the_batch() -> None:
    assert [random_feeds(SPECS, 0, 4)[0][name].shape for name in ("x", "anchors")] == [(4, 3, 1), (2,)]
    assert [zeros(SPECS, 4)[name].shape for name in ("x", "anchors")] == [(4, 3, 1), (2,)]


def test_a_scalar_has_no_batch() -> None:
    assert zeros((TensorSpec("threshold", "float32", ()),), 4)["threshold"].shape == ()


def test_random_feeds_have_the_declared_shapes_and_ranges() -> None:
    specs = (TensorSpec("x", "float32", (None, 3)), TensorSpec("p", "uint8", (1, 64)), TensorSpec("i", "int64", (2,)))
    feeds = random_feeds(specs, seed=3)
    assert len(feeds) >= 8
    assert [feeds[0][name].shape for name in "xpi"] == [(1, 3), (1, 64), (2,)]
    assert 0 <= feeds[0]["x"].min() <= feeds[0]["x"].max() < 1
    assert feeds[0]["p"].max() > 200
    assert not np.array_equal(feeds[0]["x"], feeds[1]["x"])
    np.testing.assert_array_equal(feeds[5]["x"], random_feeds(specs, seed=3)[5]["x"])


@pytest.mark.parametrize(("room", "expected"), [(1, 1), (5, 5), (100, 16), (None, 16)])
def test_no_more_inputs_are_made_than_there_is_room_for(room: int | None, expected: int) -> None:
    assert len(random_feeds(SPECS, 0, 1, room)) == len(feeds_from_golden(golden(5), 1, room)) == expected


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "bool", "int64", "int32", "int8"])
def test_bytes_are_those_of_what_is_made(dtype: DType) -> None:
    specs = (TensorSpec("x", dtype, (None, 3, None)), TensorSpec("y", dtype, (2, 5)), TensorSpec("s", dtype, ()))
    (one,) = random_feeds(specs, 0, 4, room=1)
    assert bytes_of(specs, 4) == sum(array.nbytes for array in one.values())
    assert {array.dtype.name for array in one.values()} == {dtype}


def test_halves_are_below_one_too() -> None:
    (one,) = random_feeds((TensorSpec("x", "float16", (1, 100_000)),), 0, room=1)
    assert 0 <= one["x"].min() <= one["x"].max() < 1


@pytest.mark.parametrize(
    ("size", "expected"), [(1, 16), (16 * 2**20, 16), (64 * 2**20, 4), (200 * 2**20, 2), (2**33, 2)]
)
def test_golden_samples_that_take_turns_are_bounded_in_memory(size: int, expected: int) -> None:
    large = Golden({"image": np.broadcast_to(np.uint8(0), (3, size))}, {})
    room = golden_room(large)
    assert buffers(1, room) == expected
    assert room * size <= GOLDEN_BYTES or room == 2
