"""Products of bytes against a loop that does what Intel's manual says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.host.quantize.saturation.products import can_saturate, exact_product, risky_pairs, saturation
from edgetl.tensors import Array

BYTES = st.sampled_from([0, 1, 100, 128, 254, 255]) | st.integers(0, 255)
WEIGHTS = st.sampled_from([-128, -127, -65, -64, 0, 63, 64, 65, 127]) | st.integers(-128, 127)


@st.composite
def matrices(draw: st.DrawFn) -> tuple[Array, Array]:
    rows, depth, columns = draw(st.integers(1, 4)), draw(st.integers(1, 9)), draw(st.integers(1, 4))
    weight = draw(st.lists(WEIGHTS, min_size=rows * depth, max_size=rows * depth))
    values = draw(st.lists(BYTES, min_size=depth * columns, max_size=depth * columns))
    return np.array(weight, np.int8).reshape(rows, depth), np.array(values, np.uint8).reshape(depth, columns)


def slowly(weight: Array, values: Array) -> tuple[list[list[int]], int]:
    """``vpmaddubsw`` and ``vpmaddwd`` with ones, in a loop: sums, and how many pairs were cut."""
    sums, cut = [[0] * values.shape[1] for _ in weight], 0
    for row, weights in enumerate(weight.tolist()):
        for column in range(values.shape[1]):
            products = [a * b for a, b in zip(weights, values[:, column].tolist(), strict=True)]
            for place in range(0, len(products), 2):
                pair = sum(products[place : place + 2])
                kept = min(max(pair, -32768), 32767)
                sums[row][column] += kept
                cut += kept != pair
    return sums, cut


@given(matrices())
@settings(max_examples=150, deadline=None)
def test_saturating_product_is_that_of_the_instructions(drawn: tuple[Array, Array]) -> None:
    weight, values = drawn
    expected, cut = slowly(weight, values)

    found = saturation(risky_pairs(weight), len(weight), values)

    assert (exact_product(weight, values) + found.correction).tolist() == expected
    assert found.saturated == cut
    assert found.sums == len(weight) * values.shape[1] * -(-weight.shape[1] // 2)


@given(matrices())
@settings(max_examples=50, deadline=None)
def test_exact_product_is_that_of_integers(drawn: tuple[Array, Array]) -> None:
    weight, values = drawn
    assert exact_product(weight, values).tolist() == (weight.astype(int) @ values.astype(int)).tolist()


@pytest.mark.parametrize("largest", [np.int8(127), np.int8(-128), np.uint8(255), np.int16(-255)])
def test_exact_product_stays_exact_beyond_what_float32_can_count(largest: np.signedinteger[Any]) -> None:
    weight, values = np.full((1, 4001), largest), np.full((4001, 1), 255, np.uint8)
    assert exact_product(weight, values).item() == 4001 * int(largest) * 255


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (64, 64, False),
        (64, 65, True),
        (127, 1, False),
        (127, 2, True),
        (127, -128, False),
        (-64, -64, False),
        (-64, -65, True),
    ],
    ids=str,
)
def test_only_two_large_weights_of_one_sign_can_saturate(first: int, second: int, expected: bool) -> None:
    assert can_saturate(np.array([first]), np.array([second])).item() is expected
    extremes = [x * first + y * second for x in (0, 255) for y in (0, 255)]
    assert any(not -32768 <= value <= 32767 for value in extremes) is expected
