"""Temperatures, clocks and throttling, under what was measured at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.report import numbers
from edgetl.report.pictures.axis import axis, drawable
from edgetl.report.pictures.chart import Facts, hit_area
from edgetl.report.pictures.moments import Throttling, throttlings
from edgetl.report.pictures.svg import Point, Role, Style, box, fitted, line, polyline, text
from edgetl.report.pictures.thinning import thinned
from edgetl.telemetry import Quantity, Series, Telemetry

HEIGHT = 116.0
"""Of one panel with its title."""
_SERIES_MAX = 8
_POINTS_MAX = 200
_APART = 8.0
"""Pixels between marks that can be pointed at one by one."""
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
    """A line from top to bottom where the device slowed itself down; a band where it did so again and again."""
    inside = [event for event in throttlings(telemetry) if window.start_ns <= event.at_ns <= window.end_ns]
    marks = tuple(_throttled(group, window, span) for group in _close(inside, window))
    words = f"throttled {numbers.count(len(inside))} times"
    label = (text((window.right, span[0] - 6), words, Style("muted", "end")),) if inside else ()
    return Drawn(label, marks)


def _close(events: Sequence[Throttling], window: Window) -> list[list[Throttling]]:
    """Events in groups, each of which lies too near the one before it to be pointed at by itself."""
    groups: list[list[Throttling]] = []
    for event in events:
        if groups and window.place(event.at_ns) - window.place(groups[-1][-1].at_ns) < _APART:
            groups[-1].append(event)
        else:
            groups.append([event])
    return groups


def _throttled(group: Sequence[Throttling], window: Window, span: tuple[float, float]) -> tuple[Facts, tuple[str, ...]]:
    """Thin, so that what lies behind it stays readable, with a head that is seen."""
    first, last = window.place(group[0].at_ns), window.place(group[-1].at_ns)
    start, end = (numbers.significant(window.seconds(event.at_ns)) for event in (group[0], group[-1]))
    sensors = ", ".join(sorted({f"{event.sensor} {event.name}" for event in group})[:3])
    rows = [("when", f"{start} s" if start == end else f"{start} to {end} s"), ("sensor", sensors)]
    if len(group) > 1:
        rows.insert(0, ("times", numbers.count(len(group))))
    elements = (
        hit_area((first - 4, span[0]), (last - first + 8, span[1] - span[0])),
        box((first, span[0]), (last - first, span[1] - span[0]), "warning", opacity=0.12),
        line((first, span[0]), (first, span[1]), "warning"),
        line((first - 1.5, span[0]), (last + 1.5, span[0]), "warning", 6),
    )
    return Facts("Throttled", tuple(rows)), elements


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
    elements = [fitted((window.left, top + 16), f"{word}, {unit}: {names}", window.right - window.left, Style("muted"))]
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
