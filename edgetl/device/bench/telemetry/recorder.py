"""Start the process that reads sensors, and read what it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from edgetl.device.bench.child import child_environment
from edgetl.device.bench.telemetry.stream import Request, decode, encode, lines_of
from edgetl.plugins import SENSORS, find
from edgetl.telemetry import Missing, Telemetry

_START_S, _END_S, _POLL_S = 30.0, 10.0, 0.01
_SECOND = 1_000_000_000


@contextmanager
def recording(period_s: float = 0.5, root: str = "/", sensors: Sequence[str] = tuple(SENSORS)) -> Iterator[Recorder]:
    """Read sensors while the block runs; begins when the first reading is due.

    The readings lie in a file without a name until they are asked for, so that this process holds and does nothing
    meanwhile. Half an hour at twice a second with 50 channels is about 2 MB of file and 3 MB of memory in the end. A
    process that cannot start, or dies, never raises: it leaves a reason for each of its sensors.

    Args:
        period_s: from one reading to the next, in seconds.
        root: where ``proc`` and ``sys`` are; another tree in tests.
        sensors: entries of :data:`edgetl.plugins.SENSORS`.

    Raises:
        Unsupported: there is no such sensor.
    """
    for name in sensors:
        find(SENSORS, name, "sensor")
    request = Request(round(period_s * _SECOND), str(Path(root).resolve()), tuple(sensors))
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        recorder = Recorder(request, output, errors)
        try:
            yield recorder
        finally:
            recorder.stop()


class Recorder:
    """A process that reads sensors.

    Args:
        output: where the process writes; to be closed after :meth:`stop`.
        errors: where it complains.
    """

    def __init__(self, request: Request, output: IO[bytes], errors: IO[bytes]) -> None:
        self._request, self._output, self._errors = request, output, errors
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: str | None = None
        self._final: Telemetry | None = None
        try:
            self._start()
        except OSError as error:
            self._failure = f"the telemetry process cannot be started: {error}"

    @property
    def process_id(self) -> int | None:
        """Of the process that reads; ``None`` when it could not be started."""
        return None if self._process is None else self._process.pid

    @property
    def telemetry(self) -> Telemetry:
        """What was read so far; after the block, all of it."""
        return self._final or self._decoded()

    def stop(self) -> None:
        """Take a last reading and end the process; may be called twice."""
        if self._final is not None:
            return
        if self._process is not None:
            self._end(self._process)
        self._final = self._decoded()

    def _start(self) -> None:
        command = (sys.executable, "-m", "edgetl.device.bench.telemetry")
        with tempfile.TemporaryDirectory(prefix="edgetl-empty-") as empty:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._errors,
                env=child_environment(),
                cwd=empty,
                # Ctrl-C is for the benchmark, which then ends this process in good order
                start_new_session=True,
            )
            self._send(self._process)
            self._await_readings(self._process)

    def _send(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.write(encode(self._request))
                process.stdin.flush()

    def _await_readings(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_S
        while b"\n" not in self._read(self._output, 1 << 20) and process.poll() is None:
            if time.monotonic() > deadline:
                self._failure = f"the telemetry process did not start within {_START_S:.0f} s"
                process.kill()
                return
            time.sleep(_POLL_S)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        has_died = process.poll() is not None
        with suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            has_died = True
            self._failure = self._failure or f"the telemetry process hung for {_END_S:.0f} s"
        if (has_died or process.returncode != 0) and self._failure is None:
            last = self._read(self._errors).decode(errors="replace").strip().splitlines()[-1:]
            code = process.returncode
            ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            self._failure = ": ".join([f"the telemetry process {ended}", *last])

    def _decoded(self) -> Telemetry:
        period_ns = self._request.period_ns
        read = None if self._process is None else decode(lines_of(self._output))
        failure = self._failure or "the telemetry process told nothing"
        if read is None:
            return Telemetry(period_ns, (), tuple(Missing(name, failure) for name in self._request.sensors))
        opened, series = read
        lost = () if self._failure is None else tuple(channels[0].sensor for channels in opened.sources)
        return Telemetry(period_ns, series, (*opened.missing, *(Missing(name, failure) for name in lost)))

    def _read(self, file: IO[bytes], limit: int | None = None) -> bytes:
        """From the beginning, without moving where the process writes: both share one position."""
        size = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), size if limit is None else min(size, limit), 0)
