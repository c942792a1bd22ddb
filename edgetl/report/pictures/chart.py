"""Pictures whose marks tell more when pointed at or reached with the keyboard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgetl.report.pictures.svg import Picture, Point, escaped, number, tooltip


@dataclass(frozen=True)
class Facts:
    """What one mark tells: a title and rows of a word and its value."""

    title: str
    rows: tuple[tuple[str, str], ...]

    @property
    def in_words(self) -> str:
        """All in one line, for who hears it."""
        return ", ".join([self.title, *(f"{word}: {value}" for word, value in self.rows)])


@dataclass(frozen=True)
class Trace:
    """A line that is read point by point: where it is in the picture, and what is true there, in numerals."""

    name: str
    pixels: tuple[tuple[int, int], ...]
    across: tuple[str, ...]
    """Where along the line: a moment, the number of an inference."""
    values: tuple[str, ...]
    units: tuple[str, str]
    """Of ``across`` and ``values``."""


@dataclass(frozen=True)
class Chart(Picture):
    """A picture with marks; the place of a mark among ``marks`` is its ``data-mark``."""

    marks: tuple[Facts, ...] = ()
    trace: Trace | None = None
    folded: str = ""
    """When not empty, the line that a page with many pictures shows in place of this one until it is asked for."""


def mark(place: int, facts: Facts, elements: Iterable[str]) -> str:
    """A group that the keyboard reaches, and that says what it means."""
    label = escaped(facts.in_words)
    inside = "".join(elements)
    return (
        f'<g class="mark" data-mark="{place}" tabindex="0" role="img" aria-label="{label}">'
        f"{tooltip(facts.in_words)}{inside}</g>"
    )


def hit_area(at: Point, size: Point) -> str:
    """What is pointed at instead of a thin mark; it is not seen."""
    place = f'x="{number(at[0])}" y="{number(at[1])}" width="{number(size[0])}" height="{number(size[1])}"'
    return f'<rect class="hit" {place} fill-opacity="0"/>'
