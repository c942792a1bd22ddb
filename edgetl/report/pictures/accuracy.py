"""How accurate each variant is, with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence

from edgetl.evaluation import Evaluation
from edgetl.report import numbers
from edgetl.report.pictures.axis import axis, drawable
from edgetl.report.pictures.rows import BELOW, TOP, grid
from edgetl.report.pictures.svg import FONT, Picture, Style, circle, fitted, line, picture, shortened, text, text_width

_NAME_ROOM = 240.0
_WIDTH = 300.0
_ROW = 34.0


def accuracy_picture(evaluations: Sequence[Evaluation], name: str = "accuracy.svg") -> Picture | None:
    """A row per variant: its headline metric on unseen data as a dot, the interval as a line; ``None`` without any."""
    rows = [(one.variant, one.test.headline) for one in evaluations if one.test and one.test.values]
    rows = [(variant, score) for variant, score in rows if all(map(drawable, (score.value, *score.ci95)))]
    if not rows:
        return None
    left = 16 + max(text_width(shortened(variant, FONT, _NAME_ROOM)) for variant, _ in rows) + 14
    bounds = [bound * 100 for _, score in rows for bound in (score.value, *score.ci95)]
    across = axis(bounds, (left, left + _WIDTH))
    metric, bottom = rows[0][1].metric, TOP + _ROW * len(rows)
    title = f"{metric} on unseen data, %, with 95 % intervals"
    words = [f"{numbers.percent(score.value)} ({numbers.percent_interval(score.ci95)})" for _, score in rows]
    elements = [text((16, 22), title, Style(bold=True, size=13)), *grid(across, bottom)]
    for place, (variant, score) in enumerate(rows):
        y = TOP + _ROW * (place + 0.5)
        low, high = (across.place(bound * 100) for bound in score.ci95)
        elements += [
            fitted((left - 14, y + 4), variant, _NAME_ROOM, Style(anchor="end")),
            line((low, y), (high, y), "first", 3),
            circle((across.place(score.value * 100), y), 5, "first", f"{variant}: {words[place]}, n = {score.n}"),
            text((left + _WIDTH + 16, y + 4), words[place]),
        ]
    width = left + _WIDTH + 16 + max(map(text_width, words)) + 12
    width = max(width, text_width(title, 14) + 28)
    alt = f"{metric} of each variant on unseen data, with 95 % intervals"
    return picture(name, alt, (width, bottom + BELOW), elements)
