"""What is timed, and by which clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Subject: TypeAlias = Callable[[], object]
Clock: TypeAlias = Callable[[], int]
"""Nanoseconds of a monotonic clock."""

SECOND = 1_000_000_000


def rotating(call: Callable[[T], object], arguments: Sequence[T]) -> Subject:
    """A subject that takes the next argument at every call, so that no input stays in the cache for ever."""
    turn = itertools.cycle(arguments)
    return lambda: call(next(turn))
