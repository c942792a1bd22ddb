"""Which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.evaluation import Metrics
from edgetl.report import numbers
from edgetl.report.pictures.svg import FONT, Picture, Style, box, fitted, picture, shortened, text, text_width

CLASSES_MAX = 20
"""More would be too small to read: those most confused are shown then."""
_LABEL_ROOM = 170.0
_SHADE = 0.75
"""Opacity of a share of one; ordinary text stays readable on it, in light and in dark."""
Matrix = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Shown:
    """What of a confusion matrix is drawn: which classes, and every row's sum over all classes."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    sums: tuple[int, ...]

    def share(self, row: int, column: int) -> float:
        """Fraction of the true class ``row`` that was taken for ``column``; 0 for a class without samples."""
        return self.counts[row][column] / self.sums[row] if self.sums[row] else 0.0


def confusion_picture(variant: str, metrics: Metrics, name: str = "confusion.svg") -> Picture | None:
    """Counts, shaded by their share of the row; ``None`` without a matrix whose classes have names."""
    classes = tuple(score.label for score in metrics.per_class)
    square = len(metrics.confusion) == len(classes) and all(len(row) == len(classes) for row in metrics.confusion)
    if not classes or not square:
        return None
    shown = most_confused(metrics.confusion, classes)
    part = (
        ""
        if len(shown.classes) == len(classes)
        else f", the {len(shown.classes)} most confused of {len(classes)} classes"
    )
    return _drawn(shown, f"Confusion matrix of {variant}{part}: rows are true classes, columns predicted ones", name)


def most_confused(confusion: Matrix, classes: tuple[str, ...], limit: int = CLASSES_MAX) -> Shown:
    """All classes, or the ``limit`` with the most mistakes (theirs, and others taken for them), in their order."""
    mistakes = [
        sum(row) + sum(other[place] for other in confusion) - 2 * row[place] for place, row in enumerate(confusion)
    ]
    ranked = sorted(range(len(classes)), key=lambda place: (-mistakes[place], place))
    kept = sorted(ranked[:limit])
    counts = tuple(tuple(confusion[row][column] for column in kept) for row in kept)
    return Shown(tuple(classes[place] for place in kept), counts, tuple(sum(confusion[row]) for row in kept))


def _drawn(shown: Shown, alt: str, name: str) -> Picture:
    side = max(36.0, min(92.0, 460.0 / len(shown.classes)))
    labels = [shortened(label, FONT, _LABEL_ROOM) for label in shown.classes]
    room = max(text_width(label) for label in labels) + 4
    lying = room <= side - 6
    left, top = 34 + room + 8, 30 + (FONT + 8 if lying else room + 10)
    extent = side * len(labels)
    elements = [
        text((left + extent / 2, 18), "predicted", Style("muted", "middle")),
        text((20, top + extent / 2), "true", Style("muted", "middle"), upright=True),
    ]
    for place, label in enumerate(shown.classes):
        middle = place * side + side / 2
        elements.append(fitted((left - 8, top + middle + 4), label, _LABEL_ROOM, Style(anchor="end")))
        if lying:
            elements.append(fitted((left + middle, top - 8), label, _LABEL_ROOM, Style(anchor="middle")))
        else:
            elements.append(fitted((left + middle + 4, top - 8), label, _LABEL_ROOM, upright=True))
        elements.extend(_row(shown, place, (left, top), side))
    width = max(left + extent, left + extent / 2 + text_width("predicted") / 2) + 16
    return picture(name, alt, (width, top + extent + 16), elements)


def _row(shown: Shown, row: int, corner: tuple[float, float], side: float) -> list[str]:
    elements = []
    for column, count in enumerate(shown.counts[row]):
        share = shown.share(row, column)
        left, top = corner[0] + column * side, corner[1] + row * side
        meaning = (
            f"{shown.classes[row]} taken for {shown.classes[column]}: "
            f"{numbers.count(count)} of {numbers.count(shown.sums[row])} ({numbers.percent(share)})"
        )
        elements.append(box((left, top), (side - 1, side - 1), "cell", meaning, 0.04 + (_SHADE - 0.04) * share))
        roomy = side >= 56
        words = numbers.short_count(count)
        size = min(15.0 if roomy else FONT, (side - 6) / text_width(words, 1))
        middle = left + (side - 1) / 2
        elements.append(text((middle, top + side / 2 + (-2 if roomy else 4)), words, Style(anchor="middle", size=size)))
        if roomy:
            elements.append(
                text((middle, top + side / 2 + 15), numbers.percent(share), Style("text", "middle", size=11))
            )
    return elements
