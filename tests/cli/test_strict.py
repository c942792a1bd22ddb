from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec
import pytest

from edgetl.cli import run
from edgetl.cli.strict import hold_to
from edgetl.device import qualify
from edgetl.result import Result
from edgetl.validity import Finding, judged

LOAD = Finding("W-LOAD", "others took 46 % of the CPUs")


@pytest.fixture
def doubted(result: Result, monkeypatch: pytest.MonkeyPatch) -> Result:
    """What ``qualify`` finds, whatever it is given."""
    candidates = tuple(msgspec.structs.replace(one, validity=judged([LOAD])) for one in result.candidates)
    found = msgspec.structs.replace(result, candidates=candidates)
    monkeypatch.setattr(qualify, "qualify", lambda *_: found)
    return found


def qualified(bundle: Path, out: Path, *codes: str) -> int:
    flags = [word for code in codes for word in ("--strict", code)]
    return run(["qualify", str(bundle), "-o", str(out), "--cache", str(out.parent / "cache"), "--json", *flags])


def test_a_code_that_is_named_and_found_ends_with_3_after_the_answer(
    doubted: Result, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert qualified(tiny_bundle, tmp_path / "r.json", "W-TURBO", "W-LOAD") == 3
    shown = capsys.readouterr()
    assert json.loads(shown.out) == json.loads((tmp_path / "r.json").read_text())
    assert "edgetl: W-LOAD: others took 46 % of the CPUs" in shown.err


def test_codes_may_be_in_small_letters(
    doubted: Result, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert qualified(tiny_bundle, tmp_path / "r.json", "w-load") == 3
    assert "edgetl: W-LOAD: others took" in capsys.readouterr().err


def test_every_candidate_with_a_code_is_named_unless_all_have_it(
    doubted: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    slow, *others = doubted.candidates
    worse = msgspec.structs.replace(slow, validity=judged([LOAD, Finding("W-MODES", "2 modes")]))
    found = msgspec.structs.replace(doubted, candidates=(worse, *others))
    with pytest.raises(click.exceptions.Exit):
        hold_to(found, frozenset({"W-LOAD", "W-MODES"}))
    assert f"W-LOAD: others took 46 % of the CPUs; W-MODES of {slow.name}: 2 modes" in capsys.readouterr().err


@pytest.mark.parametrize("codes", [(), ("W-TURBO",)], ids=["none", "another"])
def test_other_codes_do_not_fail_a_qualification(
    doubted: Result, codes: tuple[str, ...], tiny_bundle: Path, tmp_path: Path
) -> None:
    assert qualified(tiny_bundle, tmp_path / "r.json", *codes) == 0


def test_an_unknown_code_is_refused(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert qualified(tiny_bundle, tmp_path / "r.json", "W-WRONG") == 2
    assert "'W-WRONG' is no code; expected one of: W-GOVERNOR" in capsys.readouterr().err
    assert not (tmp_path / "r.json").exists()


def test_a_code_that_is_never_found_is_refused(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert qualified(tiny_bundle, tmp_path / "r.json", "W-PRECISION") == 2
    assert "edgetl bench BUNDLE --strict W-PRECISION" in capsys.readouterr().err
