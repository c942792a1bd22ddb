"""What the recorder and its process tell each other: lines of JSON.

To the process goes one :class:`Request`. Back come one :class:`Opened`, then readings ``[source, time_ns, [values]]``.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from edgetl.telemetry import Channel, Missing, Series

Reading: TypeAlias = "tuple[int, int, tuple[float | None, ...]]"
"""Place of the source in :attr:`Opened.sources`, time in nanoseconds, one value per channel."""


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


def decode(stream: bytes) -> tuple[Opened, tuple[Series, ...]] | None:
    """Read what was written so far; a line that was cut off is not counted.

    Equal values are kept once: most sensors repeat few.

    Returns:
        One series per channel; ``None`` when not even the first line is there.
    """
    first, *lines = stream.split(b"\n")[:-1] or [b""]
    if not first:
        return None
    opened = msgspec.json.decode(first, type=Opened)
    times: list[list[int]] = [[] for _ in opened.sources]
    values: list[list[list[float | None]]] = [[[] for _ in channels] for channels in opened.sources]
    reader, kept = msgspec.json.Decoder(tuple[int, int, tuple[float | None, ...]]), dict[float | None, float | None]()
    for line in lines:
        source, time_ns, reading = reader.decode(line)
        times[source].append(time_ns)
        for column, value in zip(values[source], reading, strict=True):
            column.append(kept.setdefault(value, value))
    series = []
    for source, channels in enumerate(opened.sources):
        shared = tuple(times[source])
        series += [
            Series(channel, shared, tuple(column)) for channel, column in zip(channels, values[source], strict=True)
        ]
    return opened, tuple(series)
