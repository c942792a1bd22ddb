"""Graphs of rungs are kept apart by everything that they are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgetl.host.ladder import Ascent
from edgetl.host.ladder.attempts import made
from edgetl.host.ladder.rungs import FIRST, treated
from edgetl.host.variants import Calibrated

AscentOf = Callable[..., Ascent]


@pytest.mark.parametrize(("names", "graphs"), [((), 1), (("adaptive-rounding",), 2)], ids=["plain", "with moments"])
def test_another_order_of_images_is_another_graph_where_moments_are_needed(
    names: tuple[str, ...], graphs: int, ascent: AscentOf, tmp_path: Path
) -> None:
    """A record is the same whatever the order, but moments look at other rows of each image."""
    asked = ascent()
    turned = Calibrated(asked.calibrated.record, asked.calibrated.samples[::-1])

    for one in (asked, replace(asked, calibrated=turned, _bases={})):
        with made(one, treated(FIRST[1], names) if names else FIRST[1]):
            pass

    assert len(list((tmp_path / "cache/renderings").glob("*.onnx"))) == graphs
