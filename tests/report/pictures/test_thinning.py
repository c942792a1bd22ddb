"""Fewer points, the same extremes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.report.pictures.log_axis import log_axis
from edgetl.report.pictures.thinning import thinned


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=300), st.integers(2, 60))
def test_extremes_stay_in_order(values: list[int], limit: int) -> None:
    kept = thinned(values, limit)
    assert len(kept) <= max(limit, 2)
    assert list(kept) == sorted(set(kept.tolist()))
    assert max(values[place] for place in kept) == max(values)
    assert min(values[place] for place in kept) == min(values)


def test_every_stretch_keeps_its_spike() -> None:
    values = np.ones(100_000)
    spikes = np.arange(500, 100_000, 1_000)
    values[spikes] = 50
    assert set(spikes.tolist()) <= set(thinned(values, 2_000).tolist())


def test_few_values_stay_all() -> None:
    assert thinned([3.0, 1.0, 2.0], 3).tolist() == [0, 1, 2]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=20))
def test_logarithmic_axis_holds_every_value_and_some_number(values: list[float]) -> None:
    across = log_axis(values, (10.0, 100.0))
    assert all(10 <= across.place(value) <= 100 for value in values)
    assert 1 <= len(across.ticks) <= 9
    assert all(10 <= across.place(tick) <= 100 for tick in across.ticks)
    assert len({across.label(tick) for tick in across.ticks}) == len(across.ticks)
