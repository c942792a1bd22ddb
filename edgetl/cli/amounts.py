"""Sizes and ages as people write them: ``5GB``, ``30d``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import click

_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTES |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) ?([A-Za-z]{1,3})")


class Size(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click only
    """A number of bytes, such as ``500MB``, ``1.5GiB`` or ``0B``; the unit must be given."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Whole bytes, rounded down."""
        amount = _amount(str(value), _BYTES, str.upper)
        if amount is None:
            self.fail(
                f"{value!r} is not a size; expected a number with B, KB, MB, GB, TB or GiB, as in 5GB", param, ctx
            )
        return int(amount)


class Age(click.ParamType):  # type: ignore[type-arg]
    """A span of time, such as ``30d``, ``12h`` or ``2w``; the unit must be given."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        amount = _amount(str(value), _SECONDS, str.lower)
        if amount is None:
            self.fail(f"{value!r} is not an age; expected a number with s, m, h, d or w, as in 30d", param, ctx)
        return amount


def _amount(text: str, units: Mapping[str, int], spelled: Any) -> float | None:
    match = _AMOUNT.fullmatch(text)
    unit = units.get(spelled(match[2])) if match else None
    return None if match is None or unit is None else float(match[1]) * unit
