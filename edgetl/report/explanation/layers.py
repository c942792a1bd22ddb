"""An explanation as a page: sentences, what was tried, the worst layers."""

from __future__ import annotations

from edgetl.explanation import Explanation, LayerExplanation
from edgetl.report import numbers
from edgetl.report.explanation.words import in_words
from edgetl.report.ladder import ladder_tables
from edgetl.report.page import Column, Page, Table

TOP = 12
"""Layers in a table, unless all are asked for."""


def explanation_page(title: str, explanation: Explanation, top: int | None = TOP) -> Page:
    """The verdict in words, then what was tried, then the worst layers; ``None`` shows all."""
    return Page(title, in_words(explanation), (*ladder_tables((explanation.ladder,)), layers_table(explanation, top)))


def layers_table(explanation: Explanation, top: int | None = TOP) -> Table:
    """The layers that lose most, with what each is computed in by every runtime that told."""
    runtimes = tuple(one.runtime for one in explanation.runtimes if one.source is not None)
    columns = (
        Column("Layer"),
        Column("Op"),
        *(Column(title, "right") for title in ("Work", "Range", "Scale", "Rounding", "SQNR", "Noise")),
        Column("Graph"),
        *(Column(name) for name in runtimes),
    )
    worst = explanation.worst
    shown = worst if top is None else worst[:top]
    hidden = len(worst) - len(shown)
    remarks = (
        f"Over {numbers.count(explanation.images)} calibration images. Rounding: signal to noise of the float result "
        "rounded to its own scale. SQNR: of the result in the quantized graph, with all that came before. Noise: share "
        "of what all layers bring to the features, each alone in int8.",
        *(
            (f"Layers that lose less and are not shown: {numbers.count(hidden)}; -v or --json tells all.",)
            if hidden
            else ()
        ),
    )
    total = sum(layer.noise or 0.0 for layer in explanation.layers)
    rows = tuple(_row(layer, total, runtimes) for layer in shown)
    return Table(f"Layers, those that lose most first ({explanation.rendering})", columns, rows, remarks)


def _row(layer: LayerExplanation, total: float, runtimes: tuple[str, ...]) -> tuple[str, ...]:
    grid = layer.grid
    ran = {one.runtime: one.precision for one in layer.executed}
    share = None if layer.noise is None else layer.noise / total if total else 0.0
    return (
        layer.name,
        f"depthwise {layer.op}" if layer.is_depthwise else layer.op,
        numbers.percent(layer.operations_share),
        numbers.UNKNOWN if grid is None else f"{numbers.significant(grid.low)} to {numbers.significant(grid.high)}",
        numbers.UNKNOWN if grid is None else numbers.significant(grid.scale),
        numbers.db(layer.rounding_sqnr_db),
        numbers.db(layer.sqnr_db),
        numbers.percent(share),
        layer.precision,
        *(ran.get(name) or numbers.UNKNOWN for name in runtimes),
    )
