from __future__ import annotations

import numpy as np
import pytest

from edgetl.device.feeds import buffers, feeds_from_golden, random_feeds, turns, zeros
from edgetl.golden import Golden
from edgetl.tensors import TensorSpec

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
