"""Promises of :mod:`edgetl.device.cached_files`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetl.device.cached_files import (
    KINDS,
    UNFINISHED_S,
    CachedFile,
    Kind,
    Limits,
    cached_files,
    foreseen,
    plan,
    remove,
    usage,
)
from edgetl.files import mark_used, replacing, write_atomically

NOW = 1_700_000_000.0
DAY = 86_400.0


def put(root: Path, kind: str, number: int, size: int = 10, days: float = 0.0, suffix: str = ".npz") -> Path:
    path = root / kind / f"{number:064x}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (NOW - days * DAY,) * 2)
    return path


def test_kinds_are_those_of_the_type() -> None:
    assert set(KINDS) == set(get_args(Kind))


def test_files_are_listed_with_kind_size_and_use_the_least_recently_used_first(tmp_path: Path) -> None:
    new, old = put(tmp_path, "trunk", 1, 30, days=1), put(tmp_path, "features/" + "a" * 64, 2, 20, days=3)
    files = cached_files(tmp_path)
    assert [(file.kind, file.path, file.size_bytes, file.used_s) for file in files] == [
        ("features", old, 20, NOW - 3 * DAY),
        ("trunk", new, 30, NOW - DAY),
    ]
    (first, second) = usage(files)
    assert (first.kind, first.files, first.size_bytes) == ("features", 1, 20)
    assert second.oldest_use == second.newest_use
    assert second.newest_use.timestamp() == NOW - DAY


def test_a_cache_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert cached_files(tmp_path / "none") == ()


@pytest.mark.parametrize(
    "name",
    [
        "models/solar-cells/recipe.toml",
        "models/card.md",
        "results/x86.json",
        "notes/" + "a" * 64 + ".npz",
        "a" * 64 + ".onnx",
        "split-101.edgetl",
    ],
)
def test_files_that_the_cache_did_not_name_are_never_listed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    assert cached_files(tmp_path) == ()


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside", "trunk", 1)
    (tmp_path / "cache/trunk").mkdir(parents=True)
    (tmp_path / "cache/trunk" / ("b" * 64)).symlink_to(outside)
    (tmp_path / "cache/features").symlink_to(outside.parent)
    # the folder of a kind may itself be a link, which a user made; what lies in it has the cache's names
    assert [file.kind for file in cached_files(tmp_path / "cache")] == ["features"]
    (tmp_path / "cache/features").unlink()
    assert cached_files(tmp_path / "cache") == ()


def test_the_least_recently_used_go_until_the_rest_fits(tmp_path: Path) -> None:
    paths = [put(tmp_path, "features", number, 10, days=9 - number) for number in range(5)]
    files = cached_files(tmp_path)
    assert [file.path for file in plan(files, Limits(size_bytes=25), NOW)] == paths[:3]
    assert plan(files, Limits(size_bytes=50), NOW) == ()
    assert len(plan(files, Limits(size_bytes=0), NOW)) == 5


def test_what_was_not_used_for_longer_goes(tmp_path: Path) -> None:
    old, new = put(tmp_path, "trunk", 1, days=31), put(tmp_path, "trunk", 2, days=29)
    files = cached_files(tmp_path)
    assert [file.path for file in plan(files, Limits(unused_s=30 * DAY), NOW)] == [old]
    mark_used(old)
    assert cached_files(tmp_path)[0].path == new


def test_other_kinds_are_neither_counted_nor_removed(tmp_path: Path) -> None:
    put(tmp_path, "bundles", 1, 1000, days=50)
    put(tmp_path, "features", 2, 10, days=40)
    files = cached_files(tmp_path)
    assert plan(files, Limits(size_bytes=10, kinds=("features",)), NOW) == ()
    assert [file.kind for file in plan(files, Limits(size_bytes=9, kinds=("features",)), NOW)] == ["features"]


@pytest.mark.parametrize("writer", ["replacing", "write_atomically", "both"])
def test_a_file_that_is_being_written_stays_and_one_left_by_a_dead_process_goes(tmp_path: Path, writer: str) -> None:
    target = tmp_path / "built/openvino" / f"{'c' * 64}.ovblob"
    target.parent.mkdir(parents=True)
    seen: list[tuple[CachedFile, ...]] = []

    def look() -> None:
        seen.append(cached_files(tmp_path))

    def make(path: Path) -> None:
        if writer == "both":
            with replacing(path) as file:
                file.write(b"half")
                look()
        else:
            path.write_bytes(b"half")
            look()

    if writer == "replacing":
        with replacing(target) as file:
            file.write(b"half")
            look()
    else:
        write_atomically(target, make)
    ((temporary,),) = seen
    assert temporary.unfinished
    assert plan((temporary,), Limits(size_bytes=0), temporary.used_s + UNFINISHED_S - 1) == ()
    assert plan((temporary,), Limits(size_bytes=0), temporary.used_s + UNFINISHED_S + 1) == (temporary,)


def test_a_file_that_vanished_meanwhile_is_no_failure(tmp_path: Path) -> None:
    put(tmp_path, "trunk", 1)
    put(tmp_path, "trunk", 2)
    files = cached_files(tmp_path)
    files[0].path.unlink()
    pruned = remove(files, plan(files, Limits(size_bytes=0), NOW))
    assert (pruned.files, pruned.kept_files, pruned.failed) == (2, 0, ())
    assert cached_files(tmp_path) == ()
    assert (tmp_path / "trunk").is_dir()


def test_a_dry_run_touches_nothing_and_foresees_the_same(tmp_path: Path) -> None:
    put(tmp_path, "trunk", 1, 7, days=2)
    put(tmp_path, "trunk", 2, 5)
    files = cached_files(tmp_path)
    planned = plan(files, Limits(size_bytes=5), NOW)
    expected = foreseen(files, planned)
    assert len(cached_files(tmp_path)) == 2
    assert remove(files, planned) == expected
    assert (expected.files, expected.size_bytes, expected.kept_files, expected.kept_bytes) == (1, 7, 1, 5)


def test_a_file_that_cannot_be_removed_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "trunk" / ("d" * 64)
    folder.mkdir(parents=True)
    file = CachedFile("trunk", folder, 1, NOW)
    pruned = remove((file,), (file,))
    assert pruned.kept_files == 1
    assert pruned.failed[0][0] == str(folder)


def put_archive(root: Path, name: str, files: dict[str, int], days: float = 0.0) -> Path:
    folder = root / "archives" / name
    for file, size in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(bytes(size))
        os.utime(folder / file, (NOW - 90 * DAY,) * 2)
    os.utime(folder, (NOW - days * DAY,) * 2)
    return folder


HASHED, PLAIN = {f"good/{'1' * 64}.png": 6, f"bad/{'2' * 64}.png": 4}, {"good/one.png": 6, "bad/two.png": 4}


@pytest.mark.parametrize("files", [HASHED, PLAIN], ids=["named by hash", "named by hand"])
def test_an_unpacked_archive_is_one_thing(tmp_path: Path, files: dict[str, int]) -> None:
    folder = put_archive(tmp_path, "a" * 64, files, days=2)
    (found,) = cached_files(tmp_path)
    assert (found.kind, found.path, found.size_bytes, found.used_s) == ("archives", folder, 10, NOW - 2 * DAY)
    assert plan((found,), Limits(size_bytes=10), NOW) == plan((found,), Limits(unused_s=30 * DAY), NOW) == ()
    assert plan((found,), Limits(size_bytes=9), NOW) == (found,)


def test_an_archive_is_removed_whole_even_when_removing_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, newer = put_archive(tmp_path, "a" * 64, HASHED, days=40), put_archive(tmp_path, "b" * 64, PLAIN)
    files = cached_files(tmp_path)

    def killed(path: Path) -> None:
        next(path.rglob("*.png")).unlink()
        raise KeyboardInterrupt

    planned = plan(files, Limits(unused_s=30 * DAY), NOW)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove(files, planned)
    assert not folder.exists()
    (rest, kept) = sorted(cached_files(tmp_path), key=lambda file: not file.unfinished)
    assert rest.unfinished
    assert kept.path == newer
    files = (rest, kept)
    pruned = remove(files, plan(files, Limits(), rest.used_s + UNFINISHED_S + 1))
    assert (pruned.files, pruned.kept_files) == (1, 1)
    assert list((tmp_path / "archives").iterdir()) == [newer]


def test_what_a_killed_unpacking_left_goes_after_a_day(tmp_path: Path) -> None:
    folder = put_archive(tmp_path, f".{'a' * 64}.{'b' * 32}.tmp", PLAIN, days=1)
    files = cached_files(tmp_path)
    assert plan(files, Limits(size_bytes=0), NOW - 1) == ()
    remove(files, plan(files, Limits(size_bytes=10**9), NOW + 1))
    assert not folder.exists()


def test_folders_beside_the_archives_that_the_cache_did_not_name_stay(tmp_path: Path) -> None:
    put_archive(tmp_path, "mine", HASHED)
    assert cached_files(tmp_path) == ()


FILES = st.lists(
    st.builds(
        lambda kind, number, size, age, unfinished: CachedFile(
            kind, Path(f"{kind}/{number}"), size, NOW - age, unfinished
        ),
        st.sampled_from(tuple(KINDS)),
        st.integers(0, 10**9),
        st.integers(0, 1000),
        st.floats(0, 100 * DAY),
        st.booleans(),
    ),
    max_size=30,
    unique_by=lambda file: file.path,
).map(tuple)


@given(FILES, st.none() | st.integers(0, 5000), st.none() | st.floats(0, 100 * DAY))
def test_what_a_plan_leaves_keeps_the_limits_and_is_newer_than_what_it_takes(
    files: tuple[CachedFile, ...], size_bytes: int | None, unused_s: float | None
) -> None:
    planned = set(plan(files, Limits(size_bytes, unused_s), NOW))
    left = [file for file in files if file not in planned]
    whole = [file for file in left if not file.unfinished]
    assert all(NOW - file.used_s < UNFINISHED_S for file in left if file.unfinished)
    if size_bytes is not None:
        assert sum(file.size_bytes for file in whole) <= size_bytes
    if unused_s is not None:
        assert all(NOW - file.used_s <= unused_s for file in whole)
    taken = [file.used_s for file in planned if not file.unfinished]
    assert not taken or not whole or max(taken) <= min(file.used_s for file in whole)
