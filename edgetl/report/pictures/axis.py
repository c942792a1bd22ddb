"""Round numbers along an axis, and where values lie on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LARGEST = 1e12
"""Values beyond this are not drawn: they are a diverged run's, and would flatten all others."""
_LETTERS_MAX = 9


@dataclass(frozen=True)
class Axis:
    """Values from ``low`` to ``high`` on pixels from ``start`` to ``end``, with round numbers in between."""

    ticks: tuple[float, ...]
    step: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """The pixel of a value."""
        low, high = self.ticks[0], self.ticks[-1]
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def label(self, tick: float) -> str:
        """A tick with as many decimals as the step needs; in few letters."""
        decimals = max(0, -math.floor(math.log10(self.step) + 1e-9))
        plain = f"{tick:,.{decimals}f}" if decimals < _LETTERS_MAX else ""
        return plain if 0 < len(plain) <= _LETTERS_MAX else f"{tick:.3g}"


def axis(values: Sequence[float], pixels: tuple[float, float], about: int = 4) -> Axis:
    """An axis that holds ``values`` (one or more, drawable), in ``about`` steps of 1, 2 or 5 times a power of ten."""
    low, high = min(values), max(values)
    largest = max(abs(low), abs(high))
    if high - low <= max(largest, 1e-3) * 1e-9:
        pad = largest * 0.05 if largest > 1e-9 else 0.5
        low, high = low - pad, high + pad
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(tuple(index * step for index in range(first, max(last, first + 1) + 1)), step, *pixels)


def drawable(value: float | None) -> bool:
    """Whether a value has a place in a picture."""
    return value is not None and math.isfinite(value) and abs(value) <= LARGEST
