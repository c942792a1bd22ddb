"""A Jetson's power and heat from the stream of ``tegrastats``: only where its monitors cannot be read themselves."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from edgetl.device.sensors.ina238 import SENSOR as INA238
from edgetl.device.sensors.ina3221 import SENSOR as INA3221
from edgetl.device.sensors.tegrastats_line import Line, parse
from edgetl.device.sensors.total_power import total_rails
from edgetl.telemetry import Channel, Missing, Quantity, Source

_INTERVAL_MS = 500
_START_S = 10.0
_CHUNK = 65536
_CLOCKS = frozenset({"EMC", "GR3D", "GR3D2"})


class Tegrastats:
    """Power of rails at the moment, never the average that it tells; temperatures; clocks of GPU and memory."""

    name = "tegrastats"

    def open(self, root: str = "/") -> Source | Missing:
        """Start it and wait for its second line: the first is not representative.

        Every value of a reading is ``None`` when no line came since the one before.
        """
        path = Path(root) / "usr/bin/tegrastats"
        if not path.exists():
            return Missing(self.name, "no /usr/bin/tegrastats (NVIDIA Jetson has it)")
        for monitor in (INA238, INA3221):
            opened = monitor.open(root)
            if not isinstance(opened, Missing) and any(channel.is_total for channel in opened.channels):
                return Missing(self.name, f"not needed: {monitor.name!r} tells the same at less cost")
        try:
            stream = _Stream((str(path), "--interval", str(_INTERVAL_MS)))
        except OSError as error:
            return Missing(self.name, f"/usr/bin/tegrastats cannot be started: {error.strerror}")
        first = stream.second_line()
        channels = _channels(self.name, parse(first)) if first is not None else ()
        if not channels:
            stream.close()
            said = "nothing" if first is None else f"nothing that is understood: {first[:200]!r}"
            return Missing(self.name, f"/usr/bin/tegrastats told {said}; run as root")
        return _Tegrastats(stream, channels)


SENSOR = Tegrastats()


class _Tegrastats:
    def __init__(self, stream: _Stream, channels: tuple[Channel, ...]) -> None:
        self._stream, self._channels = stream, channels

    @property
    def channels(self) -> tuple[Channel, ...]:
        return self._channels

    def read(self) -> Sequence[float | None]:
        lines = self._stream.lines()
        values = _values(parse(lines[-1])) if lines else {}
        return [values.get((channel.quantity, channel.name)) for channel in self._channels]

    def close(self) -> None:
        self._stream.close()


def _channels(sensor: str, line: Line) -> tuple[Channel, ...]:
    totals = total_rails(rail.name for rail in line.rails)
    return tuple(
        Channel(sensor, name, quantity, is_total=quantity == "power" and name in totals)
        for quantity, name in _values(line)
    )


def _values(line: Line) -> dict[tuple[Quantity, str], float | None]:
    values: dict[tuple[Quantity, str], float | None] = {}
    values.update({("power", rail.name): rail.powers_w[0] for rail in line.rails})
    # the PMIC's is the same number for ever
    values.update({("temperature", z.name): z.temperatures_c[0] for z in line.zones if z.name.upper() != "PMIC"})
    values.update(
        {("frequency", e.name): e.frequencies_hz[0] for e in line.engines if e.name in _CLOCKS and e.frequencies_hz}
    )
    return values


class _Stream:
    """Lines of a running program, without ever waiting for one after the start."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._output = cast("IO[bytes]", self._process.stdout)
        os.set_blocking(self._output.fileno(), False)
        self._rest, self._has_ended = b"", False

    def second_line(self) -> str | None:
        """Of the first lines, the second, or what there is when the program ends or takes too long."""
        deadline, seen = time.monotonic() + _START_S, list[str]()
        while len(seen) < 2 and (left := deadline - time.monotonic()) > 0:
            select.select([self._output], [], [], left)
            seen += self.lines()
            if self._has_ended:
                break
        return seen[1] if len(seen) > 1 else next(iter(seen), None)

    def lines(self) -> list[str]:
        """All complete lines since the last call."""
        if self._output.closed:
            return []
        while chunk := self._output.read(_CHUNK):
            self._rest += chunk
        # nothing yet is None
        self._has_ended = chunk == b""
        *complete, self._rest = self._rest.split(b"\n")
        return [text for line in complete if (text := line.decode(errors="replace").strip())]

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._output.close()
