"""A number that was estimated from samples, with how far it may be off."""

from __future__ import annotations

import msgspec


class Interval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number with its two-sided 95 % interval over ``n`` samples."""

    metric: str
    value: float
    ci95: tuple[float, float]
    n: int
