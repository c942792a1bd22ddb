"""Student's t."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from edgetl.samples.student import two_sided_p, two_sided_quantile


@settings(max_examples=40, deadline=None)
@given(st.floats(-50, 50), st.integers(1, 200))
def test_p_agrees_with_scipy(value: float, freedom: int) -> None:
    assert two_sided_p(value, freedom) == pytest.approx(2 * student.sf(abs(value), freedom), abs=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 60])
def test_quantile_is_exceeded_as_often_as_asked(freedom: int) -> None:
    assert two_sided_quantile(0.05, freedom) == pytest.approx(student.isf(0.025, freedom), rel=1e-9)


def test_infinity_is_never_exceeded() -> None:
    assert two_sided_p(math.inf, 3) == 0
