from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from edgetl.errors import InputError
from edgetl.files import write_atomically
from edgetl.host.cache import Cache, digest


def test_a_file_is_made_once_for_the_same_parts(tmp_path: Path) -> None:
    calls: list[Path] = []

    def make(path: Path) -> None:
        calls.append(path)
        path.write_text("made")

    cache = Cache(tmp_path)
    first = cache.file("trunk", {"a": 1, "b": 2}, ".txt", make)
    second = cache.file("trunk", {"b": 2, "a": 1}, ".txt", make)
    assert first == second
    assert first.read_text() == "made"
    assert len(calls) == 1


def test_other_parts_are_another_file(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.path("trunk", [1]) != cache.path("trunk", [2])
    assert digest([1]) != digest(["1"])


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")

    def fail(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_atomically(target, fail)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_unusable_cache_folder_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="EDGETL_CACHE"):
        Cache(tmp_path / "file").path("trunk", [1])


def test_a_file_that_is_asked_for_counts_as_used(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    made = cache.file("trunk", [1], ".txt", lambda path: path.write_text("made"))
    os.utime(made, (1.0, 1.0))
    assert cache.file("trunk", [1], ".txt", lambda path: None) == made
    assert made.stat().st_mtime > time.time() - 60


def test_what_an_earlier_run_measured_is_forgotten_once_where_asked(tmp_path: Path) -> None:
    Cache(tmp_path).measured("ladder", [1], ".json").write_text("before")
    assert Cache(tmp_path).measured("ladder", [1], ".json").read_text() == "before"

    fresh = Cache(tmp_path, fresh=True)
    assert not fresh.measured("ladder", [1], ".json").exists()
    fresh.measured("ladder", [1], ".json").write_text("now")
    assert fresh.measured("ladder", [1], ".json").read_text() == "now"
    assert Cache(tmp_path).measured("ladder", [1], ".json").read_text() == "now"


def test_what_is_the_same_however_often_it_is_made_is_never_forgotten(tmp_path: Path) -> None:
    made = Cache(tmp_path).file("features", [1], ".txt", lambda path: path.write_text("made"))
    assert Cache(tmp_path, fresh=True).path("features", [1], ".txt") == made
    assert made.read_text() == "made"
