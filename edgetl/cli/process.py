"""What a process needs before a command runs: its standard streams, and an orderly end when it is told to stop."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType
from typing import TextIO


def prepare_process() -> None:
    """Open streams that are closed, let none fail on a character, and clean up at SIGTERM and SIGHUP."""
    _fill_descriptors()
    sys.stdin = sys.stdin or os.fdopen(0, "r", closefd=False)
    sys.stdout, sys.stderr = _writable(sys.stdout, 1), _writable(sys.stderr, 2)
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


def _stop(number: int, frame: FrameType | None) -> None:
    """End as a shell reports it, and through every ``finally`` on the way, so that no temporary file is left."""
    # not through sys.stderr, which may be in the middle of a write
    os.write(2, f"edgetl: stopped by {signal.Signals(number).name}\n".encode())
    raise SystemExit(128 + number)
