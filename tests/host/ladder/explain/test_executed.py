"""Kernels are told by the names that runtimes give to what they replace."""

from __future__ import annotations

import pytest

from edgetl.host.ladder.explain.executed import by_name
from edgetl.layers import Layer


@pytest.mark.parametrize("name", ["conv", "conv_token_35", "conv_nchwc", "conv_nchwc_token_2"])
def test_what_a_runtime_appends_is_taken_off(name: str) -> None:
    assert by_name([Layer(name, "Conv", "int8", 1)]) == {"conv": "int8"}


def test_kernels_that_only_move_data_tell_nothing_of_a_layer() -> None:
    moved = Layer("conv", "Reorder", None, 1)
    assert by_name([moved]) == {}
    assert by_name([moved, Layer("conv", "Conv", "fp32", 1)]) == {"conv": "fp32"}
