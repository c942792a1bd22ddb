"""Time as a run sees it: a clock, and waiting until a moment."""

from __future__ import annotations

import threading
import time as wall
from collections.abc import Callable
from typing import Protocol

SPIN_NS = 2_000_000
"""Sleep overshoots by 0.1 ms in the median and by much more at times, so the last part is spent spinning."""


class Time(Protocol):
    """What paced runs ask of time, so that they can be tested in a simulated one."""

    def now(self) -> int:
        """Nanoseconds of a monotonic clock."""

    def sleep_until(self, moment_ns: int) -> None:
        """Return when :meth:`now` has reached ``moment_ns``, at once if it has."""


class RealTime:
    """The time of this machine: sleeps until ``spin_ns`` before a moment, then spins.

    Args:
        spin_ns: 0 where a core must idle as it would in use, at the price of being late by what sleep overshoots.
    """

    def __init__(
        self,
        clock: Callable[[], int] = wall.perf_counter_ns,
        sleep: Callable[[float], object] = wall.sleep,
        spin_ns: int = SPIN_NS,
    ) -> None:
        # the bare function: a method around it would be part of every sample
        self.now = clock
        self._sleep, self._spin_ns = sleep, spin_ns

    def sleep_until(self, moment_ns: int) -> None:
        """Return when the clock has reached ``moment_ns``; waits busily for the last ``spin_ns``."""
        left_ns = moment_ns - self.now()
        if left_ns > self._spin_ns:
            self._sleep((left_ns - self._spin_ns) / 1e9)
        while self.now() < moment_ns:
            pass


class SimulatedTime:
    """Time that passes only when somebody waits; several threads may."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._lock = threading.Lock()

    def now(self) -> int:
        """Nanoseconds since it began."""
        return self._now_ns

    def sleep_until(self, moment_ns: int) -> None:
        """It is ``moment_ns`` now, or later."""
        with self._lock:
            self._now_ns = max(self._now_ns, moment_ns)

    def pass_ns(self, duration_ns: int) -> None:
        """So much time passes."""
        with self._lock:
            self._now_ns += duration_ns
