"""What pictures with a row per thing have in common."""

from __future__ import annotations

from edgetl.report.pictures.axis import Axis
from edgetl.report.pictures.log_axis import labelled
from edgetl.report.pictures.svg import Style, line, text

BELOW = 34.0
"""Room for the numbers below the last row."""


def grid(across: Axis, span: tuple[float, float]) -> list[str]:
    """A line from top to bottom at each tick whose number has room below."""
    elements, bottom = [], span[1]
    for tick in labelled(across):
        x = across.place(tick)
        elements.append(line((x, span[0]), (x, bottom)))
        elements.append(text((x, bottom + 18), across.label(tick), Style("muted", "middle")))
    return elements
