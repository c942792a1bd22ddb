from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence

import pytest

from edgetl.device.bench.telemetry import __main__ as process
from edgetl.device.bench.telemetry.stream import Opened, decode, encode
from edgetl.telemetry import Channel

CHANNEL = Channel("fake", "rail", "power")


class Source:
    """Closes the process's input at its last value."""

    channels = (CHANNEL,)

    def __init__(self, values: Sequence[float | OSError], input_end: int) -> None:
        self.values, self.input_end = iter(values), input_end
        self.left = len(values)

    def read(self) -> Sequence[float | None]:
        self.left -= 1
        if self.left == 1:
            os.close(self.input_end)
        value = next(self.values)
        if isinstance(value, OSError):
            raise value
        return [value]

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read_end, write_end = os.pipe()
    yield read_end, write_end
    os.close(read_end)


def test_reads_once_more_after_the_input_has_closed(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_INPUT", pipe[0])
    output = io.BytesIO()
    process._read_until_closed([Source([1.0, 2.0, OSError("gone"), 4.0], pipe[1])], 1_000_000, output)
    decoded = decode([encode(Opened(((CHANNEL,),), ())), *output.getvalue().splitlines(keepends=True)])
    assert decoded is not None
    assert decoded[1][0].values == (1.0, 2.0, None, 4.0)


def test_period_doubles_so_that_memory_is_bounded() -> None:
    hour, half_a_second = 7200, 500_000_000
    assert process.period_after(0, half_a_second) == half_a_second
    assert process.period_after(hour - 1, half_a_second) == half_a_second
    assert process.period_after(hour, half_a_second) == 2 * half_a_second
    readings, passed_ns = 0, 0
    while passed_ns < 24 * 3600 * 1_000_000_000:
        passed_ns += process.period_after(readings, half_a_second)
        readings += 1
    assert readings < 5 * hour
