from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from edgetl.device.bench.memory_copy import Copy, copy_bytes_per_s, uncached_bytes

MIB = 1 << 20


def caches(root: Path, *sizes: str) -> Path:
    for index, size in enumerate(sizes):
        folder = root / f"sys/devices/system/cpu/cpu0/cache/index{index}"
        folder.mkdir(parents=True)
        (folder / "size").write_text(f"{size}\n")
    return root


def test_the_best_copy_counts_and_every_byte_twice() -> None:
    # start, then: check, before, after; three copies take 100, 50 and 200 ms
    ticks = iter([0, 0, 100, 100, 150, 200, 400, 400])
    copies = copy_bytes_per_s(Copy(1_000_000, threads=1), clock=lambda: next(ticks) * 1_000_000)
    assert copies == pytest.approx(2 * 1_000_000 / 0.05)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_copies(threads: int) -> None:
    ticks = itertools.count(step=200_000_000)
    assert copy_bytes_per_s(Copy(1000, threads), clock=lambda: next(ticks)) == pytest.approx(2 * 1000 / 0.2)


def test_buffers_are_as_large_as_the_largest_cache(tmp_path: Path) -> None:
    assert uncached_bytes(caches(tmp_path, "48K", "2048K", "307200K"), 64 << 30) == 300 * MIB


def test_buffers_are_at_least_sixteen_mebibytes(tmp_path: Path) -> None:
    assert uncached_bytes(caches(tmp_path, "32K", "512K"), None) == 16 * MIB


def test_buffers_take_little_of_a_small_memory(tmp_path: Path) -> None:
    assert uncached_bytes(caches(tmp_path, "300M"), 512 * MIB) == 32 * MIB


@pytest.mark.parametrize("size", ["", "many", "-3K", "4T"])
def test_unreadable_sizes_of_caches_are_left_out(tmp_path: Path, size: str) -> None:
    assert uncached_bytes(caches(tmp_path, size, "64M"), None) == 64 * MIB


def test_unknown_caches_count_as_large(tmp_path: Path) -> None:
    assert uncached_bytes(tmp_path, None) == 32 * MIB
