"""Numbers for people. The only place where anything is rounded."""

from __future__ import annotations

import math

UNKNOWN = "-"
_TENTH_MS, _MICROSECOND = 99_950, 999.5
"""In nanoseconds, less what rounds up to them."""


def milliseconds(nanoseconds: float | None) -> str:
    """``1.23 ms``, with three significant digits; ``-`` when unknown."""
    return UNKNOWN if nanoseconds is None else f"{_three_digits(nanoseconds / 1e6)} ms"


def duration(nanoseconds: float | None) -> str:
    """``1.23 ms``; what would lose digits as milliseconds is ``12.3 µs`` or ``123 ns``; ``-`` when unknown."""
    if nanoseconds is None or not 0 < abs(nanoseconds) < _TENTH_MS:
        return milliseconds(nanoseconds)
    if abs(nanoseconds) < _MICROSECOND:
        return f"{nanoseconds:.3g} ns"
    return f"{_three_digits(nanoseconds / 1e3)} µs"


def megabytes(size_bytes: float | None) -> str:
    """``13.6 MB`` (10^6 bytes); ``-`` when unknown."""
    if size_bytes is None:
        return UNKNOWN
    return f"{_three_digits(size_bytes / 1e6)} MB" if size_bytes else "0 MB"


def percent(fraction: float | None) -> str:
    """``87.3 %``; ``-`` when unknown."""
    return UNKNOWN if fraction is None else f"{fraction * 100:.1f} %"


def points(fraction: float | None) -> str:
    """A difference of two percentages, with its sign: ``-0.4 points``."""
    return UNKNOWN if fraction is None else f"{fraction * 100:+.1f} points"


def points_interval(bounds: tuple[float, float] | None) -> str:
    """``-1.2 to +0.8 points``."""
    return UNKNOWN if bounds is None else f"{bounds[0] * 100:+.1f} to {bounds[1] * 100:+.1f} points"


def decibels(relative: float | None) -> str:
    """``31.4 dB`` of signal over noise from an error relative to the signal; ``equal`` without any."""
    if relative is None:
        return UNKNOWN
    return f"{-20 * math.log10(relative):.1f} dB" if relative else "equal"


def db(value: float | None) -> str:
    """``31.4 dB``; ``-`` when unknown."""
    return UNKNOWN if value is None else f"{value:.1f} dB"


def between(low: float, high: float) -> str:
    """``-0.31 to 6.02``, with three significant digits."""
    return f"{low:.3g} to {high:.3g}"


def apart(value: float) -> str:
    """``900 x``, ``1.3 x``: how many times as large, with two significant digits."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f} x" if rounded >= 10 else f"{rounded:.1f} x"


def factor(value: float | None) -> str:
    """``1.23``; ``-`` when unknown."""
    return UNKNOWN if value is None else f"{value:.2f}"


def percent_interval(bounds: tuple[float, float] | None) -> str:
    """``84.2 to 89.9 %``."""
    return UNKNOWN if bounds is None else f"{bounds[0] * 100:.1f} to {bounds[1] * 100:.1f} %"


def ratio(value: float | None) -> str:
    """``2.13 x``."""
    return UNKNOWN if value is None else f"{value:.2f} x"


def fine_ratio(value: float | None) -> str:
    """``1.032 x``: where a few percent matter."""
    return UNKNOWN if value is None else f"{value:.3f} x"


def ratio_interval(low: float | None, high: float | None) -> str:
    """``1.010 to 1.054``; ``-`` when unknown."""
    return UNKNOWN if low is None or high is None else f"{low:.3f} to {high:.3f}"


def probability(value: float | None) -> str:
    """``0.032``, ``< 0.001``; ``-`` when unknown; what is above 0.05 has digits enough to show that."""
    if value is None:
        return UNKNOWN
    if value < 0.001:
        return "< 0.001"
    places = next((places for places in range(3, 9) if not value > 0.05 >= round(value, places)), 9)
    return f"{value:.{places}f}"


def rate(per_s: float | None) -> str:
    """``322.6 / s``, ``12,346 / s``; ``-`` when unknown."""
    return UNKNOWN if per_s is None else f"{per_second(per_s)} / s"


def per_second(rate: float) -> str:
    """``322.6``, ``12,346``: never a power of ten."""
    return f"{rate:,.0f}" if rate >= 9_999.5 else significant(rate)


def operations(number: int) -> str:
    """``0.77 GOP``, ``4.65 MOP`` where that would lose digits, ``96 OP``: multiply-adds x 2."""
    if number >= 1e8:
        return f"{number / 1e9:.2f} GOP"
    return f"{_three_digits(number / 1e6)} MOP" if number >= 1e3 else f"{number} OP"


def operations_per_s(rate: float) -> str:
    """``165 GOP/s``, ``2,003 GOP/s``: multiply-adds x 2."""
    return f"{_three_digits(rate / 1e9)} GOP/s"


def bytes_per_s(rate: float) -> str:
    """``9.52 GB/s`` (10^9 bytes)."""
    return f"{_three_digits(rate / 1e9)} GB/s"


def count(number: int | None) -> str:
    """``12,345``."""
    return UNKNOWN if number is None else f"{number:,}"


def counted(number: int, one: str) -> str:
    """``1 candidate``, ``1,200 candidates``."""
    return f"{count(number)} {one}{'' if number == 1 else 's'}"


def significant(number: float) -> str:
    """``0.0003``, ``1.234e+08``: four significant digits."""
    return f"{number:.4g}"


def short_count(number: int) -> str:
    """``9876``, ``123k``, ``4.5M``: for where there is little room."""
    if abs(number) < 10_000:
        return str(number)
    return f"{number / 1e3:.0f}k" if abs(number) < 999_500 else f"{number / 1e6:.1f}M"


def quantity(value: float | None, unit: str) -> str:
    """A check's value in its own unit; fractions as percentages."""
    if value is None:
        return UNKNOWN
    if unit == "fraction":
        return f"{value * 100:.2f} %"
    if unit == "ns":
        return duration(value)
    if unit == "bytes":
        return megabytes(value)
    return f"{value:.4g} {unit}".rstrip()


def age(seconds: float) -> str:
    """``now``, ``5 min ago``, ``3 h ago`` or ``12 days ago``, rounded down."""
    if seconds < 60:
        return "now"
    if seconds < 3_600:
        return f"{int(seconds / 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds / 3_600)} h ago"
    days = int(seconds / 86_400)
    return "1 day ago" if days == 1 else f"{days:,} days ago"


def short_hash(sha256: str) -> str:
    """The first 12 hex digits."""
    return sha256[:12]


def _three_digits(value: float) -> str:
    size = abs(value)
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    return f"{value:,.{decimals}f}"
