"""How often products saturate on images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetl.errors import DataError
from edgetl.host.quantize.saturation.share import saturated_share
from edgetl.tensors import Array

LayerGraph = Callable[..., Path]


def pixel(*steps: int) -> Array:
    """An image of one pixel that quantizes to these values, at zero point 0."""
    return (np.array(steps) * 0.02).astype(np.float32).reshape(-1, 1, 1)


def test_share_and_error_are_those_worked_out_by_hand(layer_graph: LayerGraph) -> None:
    weight = np.array([[127, 127, 127, 127], [127, -127, 1, 1]], np.int8).reshape(2, 4, 1, 1)
    model = layer_graph("Conv", (4, 1, 1), weight, zero=0)

    (share,) = saturated_share(model, [pixel(255, 255, 1, 0), pixel(255, 10, 200, 100)])

    # two outputs of two pairs each on two images; cut are 127 * 510, 127 * 265 and 127 * 300, all of the first output
    assert (share.sums, share.saturated) == (8, 3)
    assert share.share == 3 / 8
    worst = 127 * 510 - 32767
    assert share.largest_error == pytest.approx(worst * 0.02 * 0.01, rel=1e-5)
    assert share.largest_error_steps == pytest.approx(worst * 0.02 * 0.01 / 0.5, rel=1e-5)


def test_layers_in_32_bits_have_no_pairs(layer_graph: LayerGraph) -> None:
    model = layer_graph("Conv", (8, 4, 4), np.full((8, 1, 3, 3), 127, np.int8), group=8)
    (share,) = saturated_share(model, [np.full((8, 4, 4), 100, np.float32)])
    assert (share.sums, share.saturated, share.share, share.largest_error) == (0, 0, 0.0, 0.0)


def test_without_images_nothing_is_claimed(layer_graph: LayerGraph) -> None:
    model = layer_graph("Conv", (8, 4, 4), np.full((8, 8, 1, 1), 127, np.int8))
    with pytest.raises(DataError, match="no samples"):
        saturated_share(model, [])
