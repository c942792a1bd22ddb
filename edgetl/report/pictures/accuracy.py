"""How accurate each variant is, with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence

from edgetl.evaluation import Evaluation
from edgetl.report import numbers
from edgetl.report.pictures.axis import axis, drawable
from edgetl.report.pictures.heading import MARGIN, WIDTH, heading
from edgetl.report.pictures.rows import BELOW, grid
from edgetl.report.pictures.svg import Picture, Style, circle, fitted, line, picture, text, text_width

_LEFT, _RIGHT = 36.0, 364.0
_ROW = 46.0


def accuracy_picture(evaluations: Sequence[Evaluation], name: str = "accuracy.svg") -> Picture | None:
    """A row per variant: its headline metric on unseen data as a dot, the interval as a line; ``None`` without any."""
    rows = [(one.variant, one.test.headline) for one in evaluations if one.test and one.test.values]
    rows = [(variant, score) for variant, score in rows if all(map(drawable, (score.value, *score.ci95)))]
    if not rows:
        return None
    bounds = [bound * 100 for _, score in rows for bound in (score.value, *score.ci95)]
    across = axis(bounds, (_LEFT, _RIGHT))
    metric = rows[0][1].metric
    above = heading(f"{metric} on unseen data, %, with 95 % intervals")
    top = above.bottom + 6
    bottom = top + _ROW * len(rows)
    elements = [*above.elements, *grid(across, (top, bottom))]
    for place, (variant, score) in enumerate(rows):
        y = top + _ROW * place
        words = f"{numbers.percent(score.value)} ({numbers.percent_interval(score.ci95)})"
        low, high = (across.place(bound * 100) for bound in score.ci95)
        room = WIDTH - 2 * MARGIN - text_width(words) - 10
        elements += [
            fitted((MARGIN, y + 16), variant, room, Style(bold=True)),
            text((WIDTH - MARGIN, y + 16), words, Style(anchor="end")),
            line((low, y + 32), (high, y + 32), "first", 3),
            circle((across.place(score.value * 100), y + 32), 5, "first", f"{variant}: {words}, n = {score.n}"),
        ]
    alt = f"{metric} of each variant on unseen data, with 95 % intervals"
    return picture(name, alt, (WIDTH, bottom + BELOW), elements)
