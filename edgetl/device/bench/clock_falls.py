"""Whether clocks fell while something was measured, judged from what readings there are."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

_RULES = ((5, 0.02), (3, 0.1))
"""Readings whose median counts as one clock, and the fall that matters then: x86 tells clocks that tremble by some
percent, so a fall that few readings show must be deeper."""
READINGS_MIN = min(smooth for smooth, _ in _RULES) + 1
"""A first and a later clock need so many."""


@dataclass(frozen=True)
class Fall:
    """From where a clock fell, and how deep, in hertz."""

    name: str
    high_hz: float
    low_hz: float


@dataclass(frozen=True)
class Unjudged:
    """A clock with too few readings."""

    name: str
    readings: int


def clock_fall(name: str, readings_hz: Sequence[float]) -> Fall | Unjudged | None:
    """The deepest fall of a clock, in readings in time order.

    A clock has fallen when the median of five readings is more than 2 % below an earlier one, or that of three more
    than 10 %.

    Returns:
        ``None`` when it has not; it is not judged from fewer than four readings, in which one may be a slip.
    """
    if len(readings_hz) < READINGS_MIN:
        return Unjudged(name, len(readings_hz))
    falls = [fall for smooth, least in _RULES for fall in _falls(name, readings_hz, smooth, least)]
    return min(falls, key=lambda fall: fall.low_hz / fall.high_hz, default=None)


def _falls(name: str, readings_hz: Sequence[float], smooth: int, least: float) -> Iterator[Fall]:
    medians = [statistics.median(readings_hz[end - smooth : end]) for end in range(smooth, len(readings_hz) + 1)]
    for high_hz, low_hz in zip(accumulate(medians, max), medians, strict=True):
        if low_hz < (1 - least) * high_hz:
            yield Fall(name, high_hz, low_hz)
