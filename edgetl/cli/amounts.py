"""Sizes, ages, shares, rates and times as people write them: ``5GB``, ``30d``, ``2%``, ``29.97``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import click

_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BYTES |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_PERCENT = re.compile(r"(\d{1,2}(?:\.\d{1,9})?) ?%", re.ASCII)
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) ?([A-Za-z]{1,3})", re.ASCII)


def size_bytes(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Whole bytes of ``500MB``, ``1.5GiB`` or ``0B``, rounded down; the unit must be given."""
    amount = _amount(value, _BYTES)
    if value is not None and amount is None:
        expected = "expected a number with B, KB, MB, GB, TB or GiB, as in 5GB"
        raise click.BadParameter(f"{value!r} is not a size; {expected}", context, parameter)
    return None if amount is None else int(amount)


def age_s(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Seconds of ``30d``, ``12h`` or ``2w``; the unit must be given."""
    amount = _amount(value, _SECONDS)
    if value is not None and amount is None:
        expected = "expected a number with s, m, h, d or w, as in 30d"
        raise click.BadParameter(f"{value!r} is not an age; {expected}", context, parameter)
    return amount


def small_fraction(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """Fraction above 0 and below 1 of ``2%`` or ``0.5 %``; the percent sign must be given."""
    match = _PERCENT.fullmatch(value)
    fraction = float(match[1]) / 100 if match else 0.0
    if fraction <= 0:
        expected = "expected a percentage above 0 and below 100, as in 2%"
        raise click.BadParameter(f"{value!r} is not a margin; {expected}", context, parameter)
    return fraction


def rate_hz(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Inferences a second: a number above 0 that is finite and no more than a harness can begin."""
    from edgetl.scenario import RATE_MAX_HZ  # msgspec only where load is named

    expected = f"expected inferences per second, above 0 and at most {RATE_MAX_HZ:,.0f}, as in 29.97"
    return _within(context, parameter, value, (0.0, RATE_MAX_HZ), expected)


def deadline_ms(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Milliseconds, from the nanosecond that clocks count to a day."""
    expected = "expected milliseconds, above 0 and at most 86,400,000 (a day), as in 33.3"
    return _within(context, parameter, value, (5e-7, 86_400_000.0), expected)


def _within(
    context: click.Context, parameter: click.Parameter, value: str | None, limits: tuple[float, float], expected: str
) -> float | None:
    """Above the first limit and at most the second."""
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not limits[0] < number <= limits[1]:
        raise click.BadParameter(f"{value!r} is not possible; {expected}", context, parameter)
    return number


def _amount(text: str | None, units: Mapping[str, int]) -> float | None:
    match = _AMOUNT.fullmatch(text or "")
    unit = units.get(match[2].lower()) if match else None
    return None if match is None or unit is None else float(match[1]) * unit
