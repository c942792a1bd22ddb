"""What the recorder and its process tell each other: lines of JSON.

To the process goes one :class:`Request`. Back come one :class:`Opened`, then readings ``[source, time_ns, [values]]``.
"""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Iterable, Iterator
from typing import IO, TypeAlias

import msgspec

from edgetl.telemetry import Channel, Missing, Series

Reading: TypeAlias = "tuple[int, int, tuple[float | None, ...]]"
"""Place of the source in :attr:`Opened.sources`, time in nanoseconds, one value per channel."""
_CHUNK = 1 << 16


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which sensors to read, and how often."""

    period_ns: int
    root: str
    sensors: tuple[str, ...]


class Opened(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What there is to be read."""

    sources: tuple[tuple[Channel, ...], ...]
    missing: tuple[Missing, ...]


def encode(message: Request | Opened | Reading) -> bytes:
    """One line."""
    return msgspec.json.encode(message) + b"\n"


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Lines of a file from its beginning, whatever another process goes on writing; not one that was cut off.

    Few bytes are held at once, and the position stays where it is: the process that writes shares it.
    """
    place, rest = 0, b""
    while chunk := os.pread(file.fileno(), _CHUNK, place):
        place += len(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def decode(lines: Iterable[bytes]) -> tuple[Opened, tuple[Series, ...]] | None:
    """Read what was written so far.

    Equal values are kept once: most sensors repeat few.

    Args:
        lines: whole ones, such as :func:`lines_of`.

    Returns:
        One series per channel; ``None`` when not even the first line is there.
    """
    rest = iter(lines)
    first = next(rest, b"")
    if not first:
        return None
    opened = msgspec.json.decode(first, type=Opened)
    times = [array("q") for _ in opened.sources]
    columns = [[array("d") for _ in channels] for channels in opened.sources]
    reader = msgspec.json.Decoder(tuple[int, int, tuple[float | None, ...]])
    for line in rest:
        source, time_ns, reading = reader.decode(line)
        times[source].append(time_ns)
        for column, value in zip(columns[source], reading, strict=True):
            column.append(math.nan if value is None else value)
    kept: dict[float, float] = {}
    series = []
    for source, channels in enumerate(opened.sources):
        shared, own = tuple(times[source]), columns[source]
        # what has become a tuple is given back at once, so that readings are never held twice
        series += [Series(channel, shared, _values(own.pop(0), kept)) for channel in channels]
    return opened, tuple(series)


def _values(column: array[float], kept: dict[float, float]) -> tuple[float | None, ...]:
    """A reading that failed is no number here, as JSON has none."""
    return tuple(None if math.isnan(value) else kept.setdefault(value, value) for value in column)
