"""What pictures with a row per thing have in common."""

from __future__ import annotations

from edgetl.report.pictures.axis import Axis
from edgetl.report.pictures.svg import Style, line, text

TOP = 44.0
"""Where the first row begins, below the title."""
BELOW = 34.0
"""Room for the numbers below the last row."""


def grid(across: Axis, bottom: float) -> list[str]:
    """A line at each tick from :data:`TOP` to ``bottom``, with its number below."""
    elements = []
    for tick in across.ticks:
        x = across.place(tick)
        elements.append(line((x, TOP), (x, bottom)))
        elements.append(text((x, bottom + 18), across.label(tick), Style("muted", "middle")))
    return elements
