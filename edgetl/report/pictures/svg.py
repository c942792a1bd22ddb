"""The few SVG elements that pictures are made of, as text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edgetl.report.pictures.palette import DARK, LIGHT, svg_rules

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]

FONT = 12.0
"""Size of ordinary text, in pixels."""
FAMILY = "system-ui,DejaVu Sans,Arial,sans-serif"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_WIDE_LETTERS = frozenset("MWmw%@—…")
Role = Literal["text", "muted", "grid", "first", "second", "other", "cell", "raised", "warning"]
"""What an element is for; light and dark give it a colour each."""


@dataclass(frozen=True)
class Picture:
    """An SVG file."""

    name: str
    """Of the file, such as ``confusion.svg``."""
    alt: str
    """What it shows, in words, for who cannot see it."""
    size: Point
    """Width and height in pixels."""
    elements: tuple[str, ...]

    @property
    def svg(self) -> str:
        """A file of its own, on paper of its own, so that it can be read on any page."""
        width, height = (number(side) for side in self.size)
        dark = "@media (prefers-color-scheme:dark){" + svg_rules(DARK) + "}"
        lines = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family="{FAMILY}" font-size="{number(FONT)}">',
            f"<title>{escaped(self.alt)}</title>",
            f"<style>{svg_rules(LIGHT)}{dark}</style>",
            f'<rect class="paper" width="{width}" height="{height}"/>',
            *self.elements,
            "</svg>",
        )
        return "\n".join(lines) + "\n"


def picture(name: str, alt: str, size: Point, elements: Iterable[str]) -> Picture:
    """A picture of ``size`` (width, height in pixels)."""
    return Picture(name, alt, size, tuple(elements))


@dataclass(frozen=True)
class Style:
    """How a text looks."""

    role: Role = "text"
    anchor: Anchor = "start"
    size: float = FONT
    bold: bool = False


PLAIN = Style()


def text(at: Point, content: str, style: Style = PLAIN, upright: bool = False) -> str:
    """Words at their baseline; ``upright`` turns them a quarter to the left."""
    x, y = number(at[0]), number(at[1])
    turned = f' transform="rotate(-90 {x} {y})"' if upright else ""
    size = "" if style.size == FONT else f' font-size="{number(style.size)}"'
    weight = ' font-weight="600"' if style.bold else ""
    attributes = f'x="{x}" y="{y}" text-anchor="{style.anchor}"{size}{weight}{turned}'
    return f'<text class="{style.role}" {attributes}>{escaped(content)}</text>'


def fitted(at: Point, content: str, room: float, style: Style = PLAIN, upright: bool = False) -> str:
    """Words that are cut to ``room`` pixels; whole when pointed at."""
    short = shortened(content, style.size, room)
    drawn = text(at, short, style, upright)
    return drawn if short == content else f"<g>{tooltip(content)}{drawn}</g>"


def line(start: Point, end: Point, role: Role = "grid", width: float = 1) -> str:
    """A straight line."""
    ends = f'x1="{number(start[0])}" y1="{number(start[1])}" x2="{number(end[0])}" y2="{number(end[1])}"'
    return f'<line class="{role}" {ends} stroke-width="{number(width)}"/>'


def polyline(points: Sequence[Point], role: Role, dashed: bool = False) -> str:
    """Lines from point to point."""
    places = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    dashes = ' stroke-dasharray="5 3"' if dashed else ""
    return f'<polyline class="{role} open" points="{places}" stroke-width="2"{dashes}/>'


def circle(at: Point, radius: float, role: Role, meaning: str) -> str:
    """A dot that says what it means when pointed at."""
    place = f'cx="{number(at[0])}" cy="{number(at[1])}" r="{number(radius)}"'
    return f'<circle class="{role}" {place}>{tooltip(meaning)}</circle>'


def box(at: Point, size: Point, role: Role, meaning: str = "", opacity: float = 1) -> str:
    """A filled rectangle from its upper left corner."""
    place = f'x="{number(at[0])}" y="{number(at[1])}" width="{number(size[0])}" height="{number(size[1])}"'
    shade = "" if opacity == 1 else f' fill-opacity="{opacity:.3f}"'
    return f'<rect class="{role}" {place}{shade} stroke="none">{tooltip(meaning) if meaning else ""}</rect>'


def tooltip(content: str) -> str:
    """Words that show when their element is pointed at."""
    return f"<title>{escaped(content)}</title>"


def text_width(content: str, size: float = FONT) -> float:
    """Pixels that words take at most; browsers differ in their fonts, so this is a wide one's."""
    return size * sum(_letter_width(letter) for letter in content)


def shortened(content: str, size: float, room: float) -> str:
    """As much of the words as ``room`` pixels hold, with an ellipsis where some are missing."""
    content = readable(content)
    if text_width(content, size) <= room:
        return content
    while content and text_width(content + "…", size) > room:
        content = content[:-1]
    return content.rstrip() + "…"


def readable(content: str) -> str:
    """On one line, and without what XML cannot hold."""
    return " ".join(_NOT_XML.sub("\ufffd", content).split())


def escaped(content: str) -> str:
    """Safe between tags and inside attributes."""
    return readable(content).translate(_ESCAPES)


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    shown = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def _letter_width(letter: str) -> float:
    if letter in _WIDE_LETTERS or unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    return 0.66
