"""The histogram says the same whatever the order of the data, and close to what numpy says of all of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgetl.errors import DataError
from edgetl.host.quantize.histogram import BINS, SAMPLED, Observer, TensorRange
from edgetl.tensors import Array

_floats = st.floats(-1e6, 1e6, width=32) | st.floats(-(2.0**-10), 2.0**-10, width=32) | st.just(0.0)
_batches = st.lists(arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 30)), elements=_floats), min_size=1)


def observed(batches: list[Array], channels: int | None = None) -> TensorRange:
    observer = Observer("activation", channels)
    for batch in batches:
        observer.update(batch)
    return observer.seen()


def same(one: TensorRange, other: TensorRange) -> bool:
    scalars = [(seen.low, seen.high, seen.width, seen.first) for seen in (one, other)]
    return scalars[0] == scalars[1] and np.array_equal(one.counts, other.counts)


@given(_batches, st.randoms(use_true_random=False))
def test_order_does_not_matter(batches: list[Array], random: object) -> None:
    shuffled = list(batches)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert same(observed(batches), observed(shuffled))


@given(_batches)
def test_batching_does_not_matter(batches: list[Array]) -> None:
    together = np.concatenate([batch.reshape(-1) for batch in batches])

    assert same(observed(batches), observed([together]))


@given(_batches)
def test_every_value_is_counted_in_its_bin(batches: list[Array]) -> None:
    values = np.concatenate([batch.reshape(-1) for batch in batches]).astype(np.float64)

    seen = observed(batches)

    assert (seen.low, seen.high) == (values.min(), values.max())
    assert seen.counts.sum() == values.size
    assert len(seen.counts) <= BINS
    edges = (seen.first + np.arange(len(seen.counts) + 1)) * seen.width
    for count, low, high in zip(seen.counts, edges[:-1], edges[1:], strict=True):
        assert count == np.count_nonzero((values >= low) & (values < high))


@given(_batches, st.floats(0.001, 0.999))
def test_quantiles_are_within_a_bin_of_numpys(batches: list[Array], fraction: float) -> None:
    values = np.concatenate([batch.reshape(-1) for batch in batches]).astype(np.float64)

    quantile = observed(batches).quantile(fraction)

    below, above = (np.quantile(values, fraction, method=method) for method in ("lower", "higher"))
    width = observed(batches).width
    assert below - width <= quantile <= above + width


def test_zero_is_an_edge_of_a_bin_and_ranges_are_resolved_well() -> None:
    seen = observed([np.linspace(-1, 6, 1000, dtype=np.float32)])

    assert seen.width == 2.0 ** round(math.log2(seen.width))
    assert 7 / seen.width > BINS / 2


def test_large_arrays_are_sampled_over_all_rows_and_columns_with_exact_ends() -> None:
    image = np.zeros((1, 8, 128, 128), np.float32)
    image[0, 3, 77, 5], image[0, 6, 1, 1] = 9.5, -3.25

    seen = observed([image])

    assert (seen.low, seen.high) == (-3.25, 9.5)
    assert SAMPLED / 2 < seen.counts.sum() <= SAMPLED
    ramp = observed([np.broadcast_to(np.arange(128, dtype=np.float32), (1, 8, 128, 128))])
    assert np.count_nonzero(ramp.counts) == 128


def test_channels_have_their_means() -> None:
    images = [np.full((1, 3, 4, 5), value, np.float32) * np.array([1, 2, -1]).reshape(1, 3, 1, 1) for value in (1, 3)]

    np.testing.assert_allclose(observed([image.astype(np.float32) for image in images], 1).means, [2, 4, -2])


def test_channels_of_sentences_of_any_length_lie_along_the_last_axis() -> None:
    rows = [np.full((1, length, 3), length, np.float32) * np.array([1, 2, -1], np.float32) for length in (1, 3)]

    np.testing.assert_allclose(observed(list(rows), -1).means, [2, 4, -2])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused_by_name(bad: float) -> None:
    with pytest.raises(DataError, match=r"'activation' has NaN or infinite"):
        observed([np.array([0.0, bad], np.float32)])


def test_a_tensor_that_was_never_computed_is_refused() -> None:
    with pytest.raises(DataError, match="'activation' was never computed"):
        observed([np.zeros((0,), np.float32)])
