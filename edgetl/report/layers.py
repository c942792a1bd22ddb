"""What really ran, layer by layer."""

from __future__ import annotations

from edgetl.layers import Layer, Layers
from edgetl.report import numbers
from edgetl.report.page import Column, Table

TOP = 10
"""Layers in a table, the slowest ones."""
_OTHER = "other"


def layers_table(name: str, layers: Layers, top: int = TOP) -> Table:
    """The slowest layers of a candidate, and below them which precision really ran.

    Where no times are known the first layers are shown.

    Args:
        name: of the candidate.
        layers: of a run with profiling.
        top: how many layers to show at most.
    """
    columns = (
        Column("Layer"),
        Column("Kind"),
        Column("Precision"),
        Column("Time", "right"),
        Column("Share", "right"),
    )
    total = sum(layer.time_ns or 0 for layer in layers.layers)
    slowest = sorted(layers.layers, key=lambda layer: -(layer.time_ns or 0))[:top]
    rows = tuple(_row(layer, total) for layer in slowest)
    return Table(f"Layers of {name}", columns, rows, (precision_sentence(layers), *_left_out(layers, top)))


def precision_sentence(layers: Layers) -> str:
    """Which precision really ran, by time where times are known, else by number of layers; or why nobody knows."""
    if not layers.layers:
        return f"Which precision ran is unknown: {layers.reason or 'the runtime does not tell'}."
    shares, unit = layers.time_share, "time in layers"
    if not shares:
        shares, unit = _by_number(layers), "layers"
    ordered = sorted(shares.items(), key=lambda item: (item[0] == _OTHER, -item[1], item[0]))
    told = ", ".join(f"{numbers.percent(share)} {_words(name)}" for name, share in ordered)
    return f"Of the {unit}: {told} ({layers.source}, {numbers.count(layers.runs)} runs, apart from timing)."


def _row(layer: Layer, total: int) -> tuple[str, ...]:
    share = layer.time_ns / total if total and layer.time_ns is not None else None
    return (
        layer.name,
        layer.kind,
        layer.precision or numbers.UNKNOWN,
        numbers.milliseconds(layer.time_ns),
        numbers.percent(share),
    )


def _left_out(layers: Layers, top: int) -> tuple[str, ...]:
    hidden = len(layers.layers) - top
    return (f"Faster layers that are not shown: {numbers.count(hidden)}.",) if hidden > 0 else ()


def _by_number(layers: Layers) -> dict[str, float]:
    shares: dict[str, float] = {}
    for layer in layers.layers:
        key = layer.precision or _OTHER
        shares[key] = shares.get(key, 0.0) + 1 / len(layers.layers)
    return shares


def _words(name: str) -> str:
    return "without one, such as moving data" if name == _OTHER else f"in {name}"
