"""How fast this machine copies memory that no cache holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.device.bench.timing import Clock
from edgetl.device.kernel.files import read
from edgetl.tensors import Array

_UNKNOWN_CACHE_BYTES = 32 << 20
_LEAST_BYTES = 16 << 20
_OF_MEMORY = 16
_LIMIT_NS, _LEAST_COPIES = 300_000_000, 3
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "": 1}


@dataclass(frozen=True)
class Copy:
    """What to copy."""

    size_bytes: int
    """Of each of two buffers."""
    threads: int


def copy_bytes_per_s(copy: Copy, clock: Clock) -> float:
    """The best of some copies with ``numpy.copyto``, split over threads; about 0.3 s.

    Every byte counts twice, read and written, as in the Copy kernel of STREAM (McCalpin 1995, Memory bandwidth and
    machine balance in current high performance computers).
    """
    source, target = np.ones(copy.size_bytes, np.uint8), np.zeros(copy.size_bytes, np.uint8)
    parts = list(zip(np.array_split(source, copy.threads), np.array_split(target, copy.threads), strict=True))
    with ThreadPoolExecutor(copy.threads) as pool:
        best = min(_times(pool, parts, clock))
    return 2 * copy.size_bytes / max(best, 1) * 1e9


def uncached_bytes(root: Path, memory_bytes: int | None) -> int:
    """A buffer as large as the last-level cache: two of them, used in turn, are never found in it.

    At most 1/16 of the memory, so that copying cannot make a small device swap.

    Args:
        root: where ``sys`` is.
        memory_bytes: of the machine; ``None`` when unknown.
    """
    caches = [_size(path) for path in root.glob("sys/devices/system/cpu/cpu*/cache/index*/size")]
    size = max([_LEAST_BYTES, *(caches or [_UNKNOWN_CACHE_BYTES])])
    return size if memory_bytes is None else min(size, max(memory_bytes // _OF_MEMORY, 1 << 20))


def _times(pool: ThreadPoolExecutor, parts: list[tuple[Array, Array]], clock: Clock) -> Iterator[int]:
    start, copies = clock(), 0
    while copies < _LEAST_COPIES or clock() - start < _LIMIT_NS:
        before = clock()
        for _ in pool.map(_copy, parts):
            pass
        yield clock() - before
        copies += 1


def _copy(part: tuple[Array, Array]) -> None:
    source, target = part
    np.copyto(target, source)


def _size(path: Path) -> int:
    match = re.fullmatch(r"(\d{1,9})([KMG]?)", read(path) or "", re.ASCII)
    return int(match[1]) * _UNITS[match[2]] if match else 0
