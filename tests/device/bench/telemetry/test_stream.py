from __future__ import annotations

import tempfile

from edgetl.device.bench.telemetry.stream import Opened, encode, lines_of
from edgetl.device.bench.telemetry.stream import decode as decoded_lines
from edgetl.telemetry import Channel, Missing, Series

RAIL, ZONE_A, ZONE_B = (
    Channel("x", "rail", "power", True),
    Channel("y", "a", "temperature"),
    Channel("y", "b", "temperature"),
)
OPENED = encode(Opened(((RAIL,), (ZONE_A, ZONE_B)), (Missing("z", "not here"),)))


def decode(stream: bytes) -> tuple[Opened, tuple[Series, ...]] | None:
    with tempfile.TemporaryFile() as file:
        file.write(stream)
        file.flush()
        decoded = decoded_lines(lines_of(file))
        assert file.tell() == len(stream)
    return decoded


def test_readings_become_one_series_per_channel() -> None:
    stream = OPENED + encode((0, 10, (1.5,))) + encode((1, 11, (40.0, None))) + encode((0, 20, (None,)))
    decoded = decode(stream)
    assert decoded is not None
    opened, series = decoded
    assert opened.missing == (Missing("z", "not here"),)
    assert series == (
        Series(RAIL, (10, 20), (1.5, None)),
        Series(ZONE_A, (11,), (40.0,)),
        Series(ZONE_B, (11,), (None,)),
    )


def test_a_line_that_was_cut_off_does_not_count() -> None:
    decoded = decode(OPENED + encode((0, 10, (1.5,))) + encode((0, 20, (12.75,)))[:-4])
    assert decoded is not None
    assert decoded[1][0] == Series(RAIL, (10,), (1.5,))


def test_nothing_and_half_a_first_line_are_nothing() -> None:
    assert decode(b"") is None
    assert decode(OPENED[:-1]) is None


def test_half_an_hour_of_many_channels_stays_small() -> None:
    channels = tuple(Channel("y", str(number), "temperature") for number in range(50))
    lines = [encode((0, 500_000_000 * at, tuple(40.0 + (at + n) % 64 / 2 for n in range(50)))) for at in range(3600)]
    stream = encode(Opened((channels,), ())) + b"".join(lines)
    assert len(stream) < 2_000_000
    decoded = decode(stream)
    assert decoded is not None
    values = {id(value) for series in decoded[1] for value in series.values}
    assert len(values) == 64
    assert len({id(series.times_ns) for series in decoded[1]}) == 1
