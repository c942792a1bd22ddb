"""What a process needs before a command runs: its standard streams, and an orderly end when it is told to stop."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer


def prepare_process() -> None:
    """Open streams that are closed, let none fail on a character or a gone reader, and end in order at signals."""
    _fill_descriptors()
    sys.stdin = sys.stdin or os.fdopen(0, "r", closefd=False)
    sys.stdout, sys.stderr = _unbreakable(_writable(sys.stdout, 1)), _writable(sys.stderr, 2)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores SIGHUP, and is to be obeyed
            signal.signal(number, _stop)


def _fill_descriptors() -> None:
    """Otherwise the next file that is opened becomes standard output, and gets what a library prints there."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _writable(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is None:
        return os.fdopen(descriptor, "w", closefd=False)
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        # a file name may hold what the terminal cannot show
        stream.reconfigure(errors="backslashreplace")
    return stream


class _Pipe(io.FileIO):
    """Standard output that goes nowhere once its reader has gone.

    Whether the reader of a pipe leaves before or after the last write is a matter of luck, so it must not decide on
    the exit code.
    """

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 (it is no path of ours)
                os.dup2(nowhere.fileno(), self.fileno())
            return super().write(data)


def _unbreakable(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(
        getattr(stream.buffer, "raw", stream.buffer), io.FileIO
    ):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Pipe(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _stop(number: int, frame: FrameType | None) -> None:
    """End as a shell reports it, and through every ``finally`` on the way, so that no temporary file is left."""
    # not through sys.stderr, which may be in the middle of a write
    os.write(2, f"edgetl: stopped by {signal.Signals(number).name}\n".encode())
    raise SystemExit(128 + number)
