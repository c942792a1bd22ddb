"""Student's t distribution, for whole degrees of freedom."""

from __future__ import annotations

import math


def two_sided_p(t: float, freedom: int) -> float:
    """Probability that ``|t|`` is at least as large, exactly.

    Args:
        t: of either sign; infinite gives 0.
        freedom: degrees of freedom, 1 or more.

    References:
        Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 26.7.3 and 26.7.4 (finite sums).
    """
    angle = math.atan(abs(t) / math.sqrt(freedom))
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for place in range(odd + 2, freedom + 1, 2):
        total += term
        term *= (place - 1) / place * math.cos(angle) ** 2
    within = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return min(1.0, max(0.0, 1 - within))


def two_sided_quantile(p: float, freedom: int) -> float:
    """The t that is exceeded in size with probability ``p``, above 0 and below 1; by bisection."""
    low, high = 0.0, 1.0
    while two_sided_p(high, freedom) > p:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided_p(middle, freedom) > p else (low, middle)
    return high
