"""`edgetl cache` on real folders."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetl.cli import run
from edgetl.cli.amounts import age_s, size_bytes
from edgetl.device.cached_files import KINDS


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three files: 3 MB used 40 days ago, 2 MB used 10 days ago, 1 MB used now."""
    for number, (kind, days) in enumerate((("trunk", 0), ("features", 10), ("bundles", 40)), start=1):
        path = tmp_path / "cache" / kind / f"{number:064x}.bin"
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(number * 10**6))
        os.utime(path, (time.time() - days * 86_400,) * 2)
    monkeypatch.setenv("EDGETL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def left(root: Path) -> list[str]:
    return sorted(path.parent.name for path in root.rglob("*.bin"))


def test_path_is_that_of_the_environment_or_the_flag(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "path"]) == 0
    assert capsys.readouterr().out == f"{root}\n"
    assert run(["cache", "path", "--cache", "elsewhere", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"path": "elsewhere"}


def test_show_tells_files_size_and_use_of_each_kind(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "show"]) == 0
    shown = capsys.readouterr().out
    assert "3 files, 6.00 MB" in shown
    assert all(words in shown for words in ("bundles", "3.00 MB", "40 days ago", "10 days ago", "now"))
    assert run(["cache", "show", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["files"], found["size_bytes"]) == (3, 6 * 10**6)
    assert [kind["kind"] for kind in found["kinds"]] == ["bundles", "features", "trunk"]


def test_show_makes_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "show", "--cache", str(tmp_path / "none")]) == 0
    assert "empty" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("flags", "stays"),
    [
        (["--max-size", "3.5MB"], ["features", "trunk"]),
        (["--older-than", "30d"], ["features", "trunk"]),
        (["--older-than", "1w"], ["trunk"]),
        (["--all"], []),
        (["--all", "--kind", "trunk", "--kind", "features"], ["bundles"]),
        (["--max-size", "0B", "--kind", "bundles"], ["features", "trunk"]),
        (["--max-size", "1TiB", "--older-than", "41d"], ["bundles", "features", "trunk"]),
        (["--all", "--dry-run"], ["bundles", "features", "trunk"]),
    ],
    ids=" ".join,
)
def test_prune_removes_the_least_recently_used(root: Path, flags: list[str], stays: list[str]) -> None:
    assert run(["cache", "prune", *flags, "-q"]) == 0
    assert left(root) == stays


def test_prune_answers_with_what_it_did(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "prune", "--older-than", "30d", "--dry-run", "--json"]) == 0
    foreseen = json.loads(capsys.readouterr().out)
    assert run(["cache", "prune", "--older-than", "30d", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert foreseen["pruned"] == done["pruned"]
    assert (done["pruned"]["files"], done["pruned"]["size_bytes"], done["dry_run"]) == (1, 3 * 10**6, False)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "say what to remove"),
        (["--kind", "trunk"], "say what to remove"),
        (["--all", "--max-size", "1GB"], "give one or the other"),
        (["--all", "--kind", "trunks"], "unknown kind 'trunks'; expected one of: adapted"),
        (["--max-size", "5"], "not a size"),
        (["--max-size", "-5GB"], "not a size"),
        (["--max-size", "nanGB"], "not a size"),
        (["--older-than", "30"], "not an age"),
        (["--older-than", "tomorrow"], "not an age"),
        (["--older-than", "-1d"], "not an age"),
    ],
    ids=" ".join,
)
def test_nonsense_is_bad_input_and_removes_nothing(
    root: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cache", "prune", *flags]) == 2
    assert message in capsys.readouterr().err
    assert len(left(root)) == 3


def test_a_cache_that_is_a_file_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(["cache", "prune", "--all", "--cache", str(tmp_path / "file")]) == 2
    assert "expected a folder" in capsys.readouterr().err


def test_no_sub_command_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache"]) == 2
    assert "Missing command" in capsys.readouterr().err


CONTEXT, PARAMETER = click.Context(click.Command("prune")), click.Option(["--limit"])


@given(st.integers(0, 10**11), st.sampled_from(["B", "kB", "MB", "GiB"]))
def test_whole_sizes_are_exact(number: int, unit: str) -> None:
    factor = {"B": 1, "kB": 10**3, "MB": 10**6, "GiB": 2**30}[unit]
    assert size_bytes(CONTEXT, PARAMETER, f"{number}{unit}") == int(float(number) * factor)


@given(st.text(max_size=12) | st.from_regex(r"-?\d{1,4}(\.\d)? ?[a-zA-Z]{0,3}", fullmatch=True))
def test_any_text_is_an_amount_that_is_not_negative_or_refused(text: str) -> None:
    for read in (size_bytes, age_s):
        try:
            amount = read(CONTEXT, PARAMETER, text)
        except click.BadParameter:
            continue
        assert amount is not None
        assert 0 <= amount < 10**25


def test_every_kind_is_known_to_the_command(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    for kind in KINDS:
        assert run(["cache", "prune", "--all", "--kind", kind, "--dry-run", "-q"]) == 0
    assert len(left(root)) == 3
