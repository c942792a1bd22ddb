"""A logarithmic axis with round numbers, for what spreads over powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.report.pictures.axis import Axis, axis
from edgetl.report.pictures.svg import text_width

_TICKS_MAX = 9
_APART = 10.0
"""Pixels between the labels of an axis from left to right."""
_FACTORS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (1.2, (1, 1.5, 2, 3, 4, 6, 8)),
    (3, (1, 2, 5)),
    (math.inf, (1,)),
)
"""Below how many powers of ten, which of their multiples are numbers on the axis."""
_DECADES_LINEAR = math.log10(3)
"""Below this spread, those would leave hardly any number on the axis."""


@dataclass(frozen=True)
class LogAxis:
    """Values from ``low`` to ``high`` (above 0) on pixels from ``start`` to ``end``."""

    ticks: tuple[float, ...]
    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """The pixel of a value; what is below ``low`` lies at its edge."""
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def label(self, tick: float) -> str:
        """A tick in few letters."""
        return f"{tick:,.0f}" if 1_000 <= tick < 1e7 else f"{tick:.4g}"


def log_axis(values: Sequence[float], pixels: tuple[float, float], smallest: float = 1e-6) -> LogAxis:
    """An axis that holds ``values`` (one or more, finite), of which what is below ``smallest`` counts as that."""
    low, high = (max(bound, smallest) for bound in (min(values), max(values)))
    pad = max((high / low) ** 0.04, 1.01)
    low, high = low / pad, high * pad
    return LogAxis(_ticks(low, high), low, high, *pixels)


def labelled(across: Axis | LogAxis) -> tuple[float, ...]:
    """Those ticks of an axis from left to right whose labels stand apart."""
    kept: list[float] = []
    free = -math.inf
    for tick in across.ticks:
        half = text_width(across.label(tick)) / 2
        if across.place(tick) - half >= free:
            kept.append(tick)
            free = across.place(tick) + half + _APART
    return tuple(kept)


def _ticks(low: float, high: float) -> tuple[float, ...]:
    decades = math.log10(high / low)
    if decades < _DECADES_LINEAR:
        found = axis([low, high], (0.0, 1.0)).ticks
    else:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        factors = next(factors for most, factors in _FACTORS if decades < most)
        found = tuple(factor * 10.0**power for power in powers for factor in factors)
    inside = [tick for tick in found if low <= tick <= high]
    return tuple(inside[:: math.ceil(len(inside) / _TICKS_MAX)] if inside else [math.sqrt(low * high)])
