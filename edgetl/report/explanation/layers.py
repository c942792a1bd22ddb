"""An explanation as a page: sentences, what was tried, the worst layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgetl.explanation import Explanation, LayerExplanation
from edgetl.report import numbers
from edgetl.report.explanation.words import in_words
from edgetl.report.ladder import in_words as tried_in_words
from edgetl.report.ladder import ladder_tables
from edgetl.report.page import Column, Page, Table

TOP = 12
"""Layers in a table, unless all are asked for."""


def explanation_page(title: str, explanation: Explanation, top: int | None = TOP) -> Page:
    """The verdict in words, then what was tried, then the worst layers; ``None`` shows all."""
    shown = explanation.worst if top is None else explanation.worst[:top]
    words = in_words(explanation)
    (tried,) = ladder_tables((explanation.ladder,))
    tried = replace(tried, remarks=tuple(remark for remark in tried.remarks if remark not in words))
    return Page(title, words, (tried, losses_table(explanation, shown), ranges_table(explanation, shown)))


def layer_blocks(explanation: Explanation) -> tuple[str | Table, ...]:
    """What is to be added where it is told already what was tried: sentences about layers, and all of them."""
    known = tried_in_words(explanation.ladder)
    words = (one for one in in_words(explanation) if one not in known)
    return (*words, losses_table(explanation, explanation.worst), ranges_table(explanation, explanation.worst))


def losses_table(explanation: Explanation, shown: Sequence[LayerExplanation]) -> Table:
    """What layers lose, and what every runtime that told computes them in."""
    runtimes = tuple(one.runtime for one in explanation.runtimes if one.source is not None)
    columns = (
        Column("Layer"),
        Column("Op"),
        *(Column(title, "right") for title in ("Work", "Weights", "SQNR", "Noise")),
        Column("Graph"),
        *(Column(name) for name in runtimes),
    )
    total = sum(layer.noise or 0.0 for layer in explanation.layers)
    hidden = len(explanation.layers) - len(shown)
    remarks = (
        "Weights: signal to noise of the weights. SQNR: signal to noise of the result, with all that came before, over "
        f"{numbers.count(explanation.images)} calibration samples. Noise: share of what all layers bring to the "
        "features, each alone in int8.",
        *((f"Layers that lose less and are not shown: {numbers.count(hidden)}.",) if hidden else ()),
    )
    rows = tuple(_loss_row(layer, total, runtimes) for layer in shown)
    return Table(f"Layers, those that lose most first ({explanation.rendering})", columns, rows, remarks)


def ranges_table(explanation: Explanation, shown: Sequence[LayerExplanation]) -> Table:
    """The ranges of layers' results against what was seen of them."""
    columns = (
        Column("Layer"),
        *(Column(title, "right") for title in ("Range", "Scale", "Seen", "Rounding", "Cut off", "Channels apart")),
    )
    remarks = (
        "Range: what the scale can represent. Seen: values of the float graph. Rounding: signal to noise of those "
        "rounded to the scale; of that noise the fraction that is cut off lies beyond the range.",
    )
    rows = tuple(_range_row(layer) for layer in shown if layer.grid is not None)
    return Table(f"Ranges of their results ({explanation.rendering})", columns, rows, remarks)


def _loss_row(layer: LayerExplanation, total: float, runtimes: tuple[str, ...]) -> tuple[str, ...]:
    ran = {one.runtime: one.precision for one in layer.executed}
    share = None if layer.noise is None else layer.noise / total if total else 0.0
    return (
        layer.name,
        "depthwise" if layer.is_depthwise else layer.op,
        numbers.percent(layer.operations_share),
        numbers.db(layer.weights_sqnr_db),
        numbers.db(layer.sqnr_db),
        numbers.percent(share),
        layer.precision,
        *(ran.get(name) or numbers.UNKNOWN for name in runtimes),
    )


def _range_row(layer: LayerExplanation) -> tuple[str, ...]:
    grid, seen, channels = layer.grid, layer.seen, layer.channels
    return (
        layer.name,
        numbers.UNKNOWN if grid is None else numbers.between(grid.low, grid.high),
        numbers.UNKNOWN if grid is None else numbers.significant(grid.scale),
        numbers.UNKNOWN if seen is None else numbers.between(seen.low, seen.high),
        numbers.db(layer.rounding_sqnr_db),
        numbers.percent(layer.clipped),
        numbers.UNKNOWN if channels is None else numbers.apart(channels.spread),
    )
