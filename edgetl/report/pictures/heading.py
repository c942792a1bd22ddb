"""What stands above a chart that fits on a phone: its title and how to read it, on as many lines as they need."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgetl.report.pictures.svg import FONT, Style, fitted, readable, text_width

WIDTH = 400.0
"""Pixels across: a phone shows it at about its size, and a larger screen makes it larger, words excepted."""
MARGIN = 16.0
_PARTS = re.compile(r"[^\s/]*/+|[^\s/]+\s*|\s+")
_SIZE, _LINE = 13.0, 18.0


@dataclass(frozen=True)
class Heading:
    """Elements, and the pixel below the last of them."""

    elements: tuple[str, ...]
    bottom: float


def heading(title: str, *notes: str) -> Heading:
    """A bold title, and below it notes; each begins on a line of its own."""
    bold, plain = Style(bold=True, size=_SIZE), Style("muted")
    lines = [(one, bold) for one in wrapped(title, _SIZE)]
    lines += [(one, plain) for note in notes for one in wrapped(note, FONT)]
    room = WIDTH - 2 * MARGIN
    drawn = tuple(fitted((MARGIN, 22 + _LINE * n), words, room, style) for n, (words, style) in enumerate(lines))
    return Heading(drawn, 10 + _LINE * len(lines))


def wrapped(content: str, size: float) -> tuple[str, ...]:
    """Words on lines of the width of a chart, which may also end after a slash; what is still longer has its own."""
    lines: list[str] = []
    for part in _PARTS.findall(readable(content)):
        longer = lines[-1] + part if lines else part
        if lines and text_width(longer.rstrip(), size) <= WIDTH - 2 * MARGIN:
            lines[-1] = longer
        else:
            lines.append(part)
    return tuple(one.rstrip() for one in lines)
