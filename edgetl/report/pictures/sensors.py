"""Temperatures, clocks and throttling, under what was measured at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.report import numbers
from edgetl.report.pictures.axis import axis, drawable
from edgetl.report.pictures.chart import Facts, hit_area
from edgetl.report.pictures.moments import throttlings
from edgetl.report.pictures.svg import Point, Role, Style, line, polyline, text
from edgetl.report.pictures.thinning import thinned
from edgetl.telemetry import Quantity, Series, Telemetry

HEIGHT = 116.0
"""Of one panel with its title."""
_SERIES_MAX = 8
_POINTS_MAX = 200
_THROTTLINGS_MAX = 40
_PANELS: tuple[tuple[Quantity, str, str, float, Role], ...] = (
    ("temperature", "temperature", "°C", 1.0, "second"),
    ("frequency", "clock", "GHz", 1e9, "first"),
    ("power", "power", "W", 1.0, "first"),
)


@dataclass(frozen=True)
class Window:
    """A stretch of time, and the pixels from left to right that it is drawn on."""

    start_ns: float
    end_ns: float
    left: float
    right: float

    def place(self, at_ns: float) -> float:
        """The pixel of a moment."""
        share = (at_ns - self.start_ns) / max(self.end_ns - self.start_ns, 1.0)
        return self.left + share * (self.right - self.left)

    def seconds(self, at_ns: float) -> float:
        """Since the start."""
        return (at_ns - self.start_ns) / 1e9


@dataclass(frozen=True)
class Drawn:
    """Elements, and of those that tell more, what they tell."""

    elements: tuple[str, ...]
    marks: tuple[tuple[Facts, tuple[str, ...]], ...]


def panels(telemetry: Telemetry | None, window: Window, top: float) -> tuple[Drawn, ...]:
    """A panel per quantity that was read at least twice within the window."""
    found: list[Drawn] = []
    for quantity, word, unit, scale, role in _PANELS:
        lines = [(series, _inside(series, window, scale)) for series in _of(telemetry, quantity)]
        lines = [(series, points) for series, points in lines if len(points) > 1][:_SERIES_MAX]
        if lines:
            found.append(_panel(lines, (word, unit, role), window, top + HEIGHT * len(found)))
    return tuple(found)


def throttle_marks(telemetry: Telemetry | None, window: Window, span: tuple[float, float]) -> Drawn:
    """A line from top to bottom for each moment at which the device slowed itself down."""
    inside = [event for event in throttlings(telemetry) if window.start_ns <= event.at_ns <= window.end_ns]
    marks = []
    for event in inside[:_THROTTLINGS_MAX]:
        x = window.place(event.at_ns)
        when = f"{numbers.significant(window.seconds(event.at_ns))} s"
        facts = Facts("Throttled", (("when", when), ("sensor", f"{event.sensor}, {event.name}")))
        marks.append((facts, (hit_area((x - 4, span[0]), (8, span[1] - span[0])), _throttled(x, span))))
    more = len(inside) - _THROTTLINGS_MAX
    words = f"throttled {numbers.count(len(inside))} times" + (f", {_THROTTLINGS_MAX} shown" if more > 0 else "")
    label = (text((window.right, span[0] - 6), words, Style("muted", "end")),) if inside else ()
    return Drawn(label, tuple(marks))


def _throttled(x: float, span: tuple[float, float]) -> str:
    """Thin, so that what lies behind it stays readable, with a head that is seen."""
    return line((x, span[0]), (x, span[1]), "warning") + line((x, span[0] - 4), (x, span[0] + 6), "warning", 3)


def _of(telemetry: Telemetry | None, quantity: Quantity) -> Sequence[Series]:
    return [one for one in telemetry.series if one.channel.quantity == quantity] if telemetry is not None else []


def _inside(series: Series, window: Window, scale: float) -> list[Point]:
    points = [
        (float(at_ns), value / scale)
        for at_ns, value in zip(series.times_ns, series.values, strict=False)
        if value is not None and drawable(value) and window.start_ns <= at_ns <= window.end_ns
    ]
    return [points[place] for place in thinned([value for _, value in points], _POINTS_MAX)]


def _panel(
    lines: Sequence[tuple[Series, list[Point]]], look: tuple[str, str, Role], window: Window, top: float
) -> Drawn:
    word, unit, role = look
    high, low = top + 28, top + HEIGHT - 12
    up = axis([value for _, points in lines for _, value in points], (low, high), about=2)
    names = ", ".join(series.channel.name for series, _ in lines)
    elements = [text((window.left, top + 16), f"{word}, {unit}: {names}"[:90], Style("muted"))]
    for tick in up.ticks:
        y = up.place(tick)
        elements.append(line((window.left, y), (window.right, y)))
        elements.append(text((window.left - 8, y + 4), up.label(tick), Style("muted", "end")))
    marks = []
    for series, points in lines:
        values = [value for _, value in points]
        between = f"{numbers.significant(min(values))} to {numbers.significant(max(values))} {unit}"
        facts = Facts(series.channel.name, ((word, between), ("sensor", series.channel.sensor)))
        places = [(window.place(at_ns), up.place(value)) for at_ns, value in points]
        marks.append((facts, (polyline(places, role),)))
    return Drawn(tuple(elements), tuple(marks))
