"""``python -m edgetl.device.bench.telemetry``: read sensors until nobody listens any more.

Ends when its input closes, which also happens when its parent is killed.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Sequence
from typing import IO

import msgspec

from edgetl.device.bench.telemetry.stream import Opened, Request, encode
from edgetl.plugins import SENSORS, find
from edgetl.telemetry import Missing, Sensor, Source

_INPUT = 0
_READINGS_PER_PERIOD = 7200
"""An hour at twice a second."""


def period_after(readings: int, period_ns: int) -> int:
    """Nanoseconds to the next reading: doubles after every 7200, so that a day fits into memory too."""
    return period_ns << readings // _READINGS_PER_PERIOD


def _main() -> int:
    # a library may write to stdout; the readings must stay alone there
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)
        request = msgspec.json.decode(_line(), type=Request)
        sources, missing = _open(request)
        output.write(encode(Opened(tuple(source.channels for source in sources), missing)))
        output.flush()
        try:
            _read_until_closed(sources, request.period_ns, output)
        finally:
            for source in sources:
                source.close()
    return 0


def _line() -> bytes:
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(_INPUT, 1)):
        line += byte
    return line


def _open(request: Request) -> tuple[list[Source], tuple[Missing, ...]]:
    sources: list[Source] = []
    missing = []
    for name in request.sensors:
        opened = _opened(name, request.root)
        if isinstance(opened, Missing):
            missing.append(opened)
        else:
            sources.append(opened)
    return sources, tuple(missing)


def _opened(name: str, root: str) -> Source | Missing:
    sensor: Sensor = find(SENSORS, name, "sensor")
    try:
        return sensor.open(root)
    except OSError as error:
        return Missing(name, f"cannot be opened: {error}")


def _read_until_closed(sources: Sequence[Source], period_ns: int, output: IO[bytes]) -> None:
    """The last reading comes after the input has closed, so that counters are read after what ran."""
    readings, due = 0, time.perf_counter_ns()
    is_closed = False
    while not is_closed:
        wait_s = max(0, due - time.perf_counter_ns()) / 1e9
        is_closed = bool(select.select([_INPUT], [], [], wait_s)[0])
        output.write(b"".join(_reading(place, source) for place, source in enumerate(sources)))
        output.flush()
        readings += 1
        due = max(due + period_after(readings, period_ns), time.perf_counter_ns())


def _reading(place: int, source: Source) -> bytes:
    """The time is the middle of the reading."""
    start = time.perf_counter_ns()
    try:
        values = source.read()
    except OSError:
        values = [None] * len(source.channels)
    return encode((place, (start + time.perf_counter_ns()) // 2, tuple(values)))


if __name__ == "__main__":
    sys.exit(_main())
