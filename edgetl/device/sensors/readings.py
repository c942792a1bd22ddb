"""A source made of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from edgetl.telemetry import Channel

Value: TypeAlias = Callable[[], "float | None"]
"""Reads one value now."""


class Readings:
    """A :class:`edgetl.telemetry.Source` that holds nothing open.

    Args:
        read: one value per channel.
    """

    def __init__(self, channels: Iterable[Channel], read: Callable[[], Sequence[float | None]]) -> None:
        self._channels, self._read = tuple(channels), read

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What every reading holds, in this order."""
        return self._channels

    def read(self) -> Sequence[float | None]:
        """One value per channel, now; ``None`` where one cannot be read at the moment."""
        return self._read()

    def close(self) -> None:
        """Give back what is open: nothing."""


def one_by_one(found: Iterable[tuple[Channel, Value]]) -> Readings:
    """A source whose values are read one after the other."""
    pairs = tuple(found)
    return Readings((channel for channel, _ in pairs), lambda: [value() for _, value in pairs])
