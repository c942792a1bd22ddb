"""Axes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.report.pictures.axis import LARGEST, axis, drawable

VALUES = st.lists(st.floats(-LARGEST, LARGEST, allow_subnormal=False), min_size=1, max_size=20)


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_every_value_lies_between_the_ends(values: list[float]) -> None:
    found = axis(values, (100, 300))
    assert all(99.9 <= found.place(value) <= 300.1 for value in values)
    assert 2 <= len(found.ticks) <= 8


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_labels_of_ticks_differ(values: list[float]) -> None:
    found = axis(values, (0, 1))
    if found.step >= 1e-6 * max(map(abs, found.ticks)) and max(map(abs, found.ticks)) < 1e6:
        labels = [found.label(tick) for tick in found.ticks]
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.12, 0.89], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0, 1500], ["0", "500", "1,000", "1,500"]),
        ([85.0], ["80", "85", "90"]),
    ],
)
def test_ticks_are_round(values: list[float], labels: list[str]) -> None:
    found = axis(values, (0, 1))
    assert [found.label(tick) for tick in found.ticks] == labels


@pytest.mark.parametrize(
    ("value", "drawn"), [(None, False), (math.nan, False), (math.inf, False), (1e300, False), (0.0, True)]
)
def test_what_has_no_place_is_not_drawn(value: float | None, drawn: bool) -> None:
    assert drawable(value) is drawn
