"""A fraction that grows, told as whole per cents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from edgetl.device.bench.plan import Effort
from edgetl.progress import Progress, Step


class Told(Protocol):
    """Hears how much of some work is done, from 0 to 1."""

    def __call__(self, fraction: float) -> None:
        """``fraction`` is done."""


@contextmanager
def percent_stage(progress: Progress, title: str) -> Iterator[Told]:
    """A stage of 100 steps for work whose end is only estimated; what is missing when it ends is told then."""
    with progress.stage(title, 100) as step:
        percent = _Percent(step)
        yield percent
        percent(1.0)


class _Percent:
    def __init__(self, step: Step) -> None:
        self._step, self._told = step, 0

    def __call__(self, fraction: float) -> None:
        more = int(100 * min(fraction, 1.0)) - self._told
        # an estimate may shrink, a bar may not
        if more > 0:
            self._step.advance(more)
            self._told += more


def timing_title(candidates: int, effort: Effort) -> str:
    """``time 3 candidates in turn (quick)``."""
    return f"time {'1 candidate' if candidates == 1 else f'{candidates} candidates in turn'} ({effort})"
