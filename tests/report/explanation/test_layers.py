"""Tables of layers: the worst first, and nothing hidden without saying so."""

from __future__ import annotations

import io
from collections.abc import Callable

from edgetl.cli.tables import render
from edgetl.explanation import Explanation, LayerExplanation
from edgetl.report.explanation import TOP, explanation_page
from edgetl.report.explanation.layers import layer_blocks
from edgetl.report.ladder import ladder_tables
from edgetl.report.page import Table

LayerOf = Callable[..., LayerExplanation]
ExplanationOf = Callable[..., Explanation]


def test_worst_layers_are_shown_and_the_others_counted(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    told = explanation_of(*(layer_of(f"node_Conv_{place}", place / 100) for place in range(20)))
    _, losses, ranges = explanation_page("Quantized", told).tables
    assert [row[0] for row in losses.rows] == [f"node_Conv_{place}" for place in range(19, 19 - TOP, -1)]
    assert "Layers that lose less and are not shown: 8." in losses.remarks
    assert len(ranges.rows) == TOP
    _, losses, ranges = explanation_page("Quantized", told, None).tables
    assert len(losses.rows) == len(ranges.rows) == 20


def test_a_page_that_tells_the_search_gets_all_layers_and_no_sentence_twice(
    layer_of: LayerOf, explanation_of: ExplanationOf
) -> None:
    told = explanation_of(*(layer_of(f"node_Conv_{place}", place / 100) for place in range(20)))
    *words, losses, ranges = layer_blocks(told)
    assert isinstance(losses, Table)
    assert isinstance(ranges, Table)
    assert len(losses.rows) == len(ranges.rows) == 20
    assert words
    assert set(words).isdisjoint(ladder_tables((told.ladder,))[0].remarks)


def test_what_is_unknown_is_not_shown_as_zero(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    bare = {"grid": None, "channels": None, "rounding_sqnr_db": None, "clipped": None, "executed": ()}
    told = explanation_of(layer_of("a", None, weights_sqnr_db=None, sqnr_db=None, **bare))
    _, losses, ranges = explanation_page("Quantized", told).tables
    assert losses.rows == (("a", "Conv", "25.0 %", "-", "-", "-", "int8", "-"),)
    assert ranges.rows == ()


def test_layers_stand_in_one_line_each_on_a_plain_terminal(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    told = explanation_of(layer_of("node_Conv_50", 1.0, is_depthwise=True))
    stream = io.StringIO()
    render(explanation_page("Quantized", told), stream)
    lines = [line for line in stream.getvalue().splitlines() if line.startswith("node_Conv_50")]
    assert [line.split()[1] for line in lines] == ["depthwise", "-1"]


def test_the_verdict_is_not_said_twice(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    page = explanation_page("Quantized", explanation_of(layer_of("a", 1.0)))
    assert set(page.summary).isdisjoint(page.tables[0].remarks)
