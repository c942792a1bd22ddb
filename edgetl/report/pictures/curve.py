"""How training went: loss and accuracy, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.report import numbers
from edgetl.report.pictures.axis import Axis, axis, drawable
from edgetl.report.pictures.heading import WIDTH
from edgetl.report.pictures.log_axis import labelled
from edgetl.report.pictures.svg import (
    Picture,
    Point,
    Role,
    Style,
    circle,
    line,
    picture,
    polyline,
    text,
    text_width,
)
from edgetl.report.training import Epoch

_PANEL = 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 80.0, 372.0, 58.0, 256.0
_DOTS_MAX = 60
"""Epochs up to which each has a dot of its own."""


@dataclass(frozen=True)
class Series:
    """One line of a panel: a value per epoch, or none where it was not measured."""

    name: str
    role: Role
    points: tuple[tuple[int, float | None], ...]
    dashed: bool = False

    @property
    def values(self) -> list[float]:
        """Those that can be drawn."""
        return [value for _, value in self.points if value is not None and drawable(value)]


@dataclass(frozen=True)
class Panel:
    """One pair of axes, so many pixels below the top."""

    title: str
    series: tuple[Series, ...]
    top: float


def training_picture(epochs: Sequence[Epoch], name: str = "training.svg") -> Picture | None:
    """Loss above, accuracy below; ``None`` when nothing in ``epochs`` can be drawn."""
    train = Series("training", "second", tuple((e.epoch, e.train_loss) for e in epochs), dashed=True)
    validation = Series("validation", "first", tuple((e.epoch, e.validation_loss) for e in epochs))
    accuracy = Series("validation", "first", tuple((e.epoch, _percent(e.validation_accuracy)) for e in epochs))
    drawn = [
        (title, _filled(series)) for title, series in (("Loss", (train, validation)), ("Accuracy, %", (accuracy,)))
    ]
    panels = [
        Panel(title, series, place * _PANEL)
        for place, (title, series) in enumerate((title, series) for title, series in drawn if series)
    ]
    if not panels:
        return None
    names = " and ".join(panel.title.partition(",")[0].lower() for panel in panels)
    alt = f"Training over {sum(one.epoch > 0 for one in epochs)} epochs: {names}"
    elements = [element for panel in panels for element in _panel(panel)]
    return picture(name, alt, (WIDTH, _PANEL * len(panels)), elements)


def _filled(series: tuple[Series, ...]) -> tuple[Series, ...]:
    return tuple(one for one in series if one.values)


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else fraction * 100


def _panel(panel: Panel) -> list[str]:
    epochs = sorted({epoch for one in panel.series for epoch, _ in one.points})
    across = axis([float(epochs[0]), float(max(epochs[-1], epochs[0] + 1))], (_LEFT, _RIGHT))
    pixels = (panel.top + _BOTTOM, panel.top + _TOP)
    up = axis([value for one in panel.series for value in one.values], pixels)
    return [
        text((_LEFT, panel.top + 22), panel.title, Style(bold=True, size=13)),
        *_legend(panel),
        *_grid(across, up),
        *(element for one in panel.series for element in _line(panel.title, one, across, up)),
    ]


def _legend(panel: Panel) -> list[str]:
    elements, left, y = [], _LEFT, panel.top + 38
    for one in panel.series:
        elements.append(polyline(((left, y), (left + 22, y)), one.role, one.dashed))
        elements.append(text((left + 28, y + 4), one.name, Style("muted")))
        left += 28 + text_width(one.name) + 18
    return elements


def _grid(across: Axis, up: Axis) -> list[str]:
    elements = []
    for tick in up.ticks:
        y = up.place(tick)
        elements.append(line((_LEFT, y), (_RIGHT, y)))
        elements.append(text((_LEFT - 8, y + 4), up.label(tick), Style("muted", "end")))
    for tick in labelled(across):
        if tick == int(tick):
            elements.append(text((across.place(tick), up.start + 18), f"{int(tick)}", Style("muted", "middle")))
    middle = (_LEFT + _RIGHT) / 2
    elements.append(text((middle, up.start + 36), "epoch", Style("muted", "middle")))
    return elements


def _line(title: str, series: Series, across: Axis, up: Axis) -> list[str]:
    runs: list[list[Point]] = [[]]
    dots = []
    for epoch, value in series.points:
        if value is None or not drawable(value):
            runs.append([])
            continue
        place = (across.place(epoch), up.place(value))
        runs[-1].append(place)
        dots.append(
            circle(place, 3, series.role, f"{series.name}, epoch {epoch}: {title.lower()} {numbers.significant(value)}")
        )
    lines = [polyline(run, series.role, series.dashed) for run in runs if len(run) > 1]
    return [*lines, *dots] if len(dots) <= _DOTS_MAX else lines
