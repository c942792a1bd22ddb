"""Every rule names its cause where it holds, and no other one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edgetl.explanation import Channels, Explanation, Grid, LayerExplanation, Seen
from edgetl.report.explanation.causes import UNEQUAL, WEAK_DB, cause

LayerOf = Callable[..., LayerExplanation]
ExplanationOf = Callable[..., Explanation]
APART = {"channels": Channels(32, 900.0, 5)}
CLIPPED = {"rounding_sqnr_db": 12.0, "clipped": 0.9, "seen": Seen(-1.0, 40.0, 2.0)}
STRETCHED = {
    "rounding_sqnr_db": 12.0,
    "clipped": 0.0,
    "grid": Grid(0.0, 255.0, 1.0, "uint8"),
    "seen": Seen(0.0, 255.0, 1.15),
}
WEIGHTS = {"weights_sqnr_db": 20.0}


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("unequal channels", APART),
        ("clipped", CLIPPED),
        ("stretched", STRETCHED),
        ("weights", WEIGHTS),
        ("dependence", {}),
        ("unequal channels", WEIGHTS | CLIPPED | APART),
        ("clipped", WEIGHTS | CLIPPED),
        ("dependence", {"grid": None, "channels": None, "rounding_sqnr_db": None, "clipped": None}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_first_rule_that_fits_names_the_cause(
    name: str, changed: dict[str, Any], layer_of: LayerOf, explanation_of: ExplanationOf
) -> None:
    layer = layer_of("a", 1.0, **changed)
    assert cause(layer, explanation_of(layer)).name == name


def test_channels_are_told_with_their_ratio_and_how_many_are_lost(
    layer_of: LayerOf, explanation_of: ExplanationOf
) -> None:
    layer = layer_of("a", can_equalise=True, **APART)
    found = cause(layer, explanation_of(layer))
    assert found.because == "its channels are 900 x apart, and 5 of 32 have fewer than 4 steps of the one scale"
    assert "'equalise'" in found.remedy


def test_nothing_but_float_is_left_where_no_next_layer_takes_up_factors(
    layer_of: LayerOf, explanation_of: ExplanationOf
) -> None:
    layer = layer_of("a", **APART)
    assert cause(layer, explanation_of(layer)).remedy == ""


@pytest.mark.parametrize("channels", [Channels(32, UNEQUAL - 1, 5), Channels(32, 900.0, 0)], ids=["near", "fine"])
def test_channels_near_each_other_or_with_enough_steps_are_not_to_blame(
    channels: Channels, layer_of: LayerOf, explanation_of: ExplanationOf
) -> None:
    layer = layer_of("a", channels=channels)
    assert cause(layer, explanation_of(layer)).name == "dependence"


def test_what_a_layer_reads_is_to_blame_where_its_own_result_is_fine(
    layer_of: LayerOf, explanation_of: ExplanationOf
) -> None:
    before, after = layer_of("before", can_equalise=True, **APART), layer_of("after", reads=("before.out",))
    found = cause(after, explanation_of(before, after))
    assert found.because.startswith("it reads the result of 'before', whose channels are 900 x apart")
    assert found.remedy


def test_of_two_results_with_unequal_channels_the_worse_one_is_to_blame(
    layer_of: LayerOf, explanation_of: ExplanationOf
) -> None:
    before = layer_of("before", channels=Channels(2, 1e4, 1))
    after = layer_of("after", reads=("before.out",), **APART)
    assert "'before'" in cause(after, explanation_of(before, after)).because


def test_a_range_that_rounds_well_is_not_to_blame(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    layer = layer_of("a", rounding_sqnr_db=WEAK_DB, clipped=0.9)
    assert cause(layer, explanation_of(layer)).name == "dependence"
