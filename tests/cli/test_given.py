"""What was measured outlives a file that cannot be written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetl.check import Check
from edgetl.cli import run
from edgetl.device.bench.selftest.run import SelfTest
from edgetl.device.probe import environment
from edgetl.result import Result, read_result

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def gone(tmp_path: Path) -> Path:
    """A folder that is there when a command begins, and gone when it writes."""
    return tmp_path / "gone"


@pytest.fixture
def measuring(gone: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    def patch(function: str, found: object) -> None:
        def measure(*_: object) -> object:
            shutil.rmtree(gone)
            return found

        monkeypatch.setattr(function, measure)

    return patch


def test_bench_prints_and_writes_all_that_it_can(
    result: Result,
    gone: Path,
    tmp_path: Path,
    measuring: Callable[[str, Any], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    measuring("edgetl.device.bench.models.bench_models", result)
    outs = [tmp_path / "first.csv", gone / "lost.json", tmp_path / "last.json"]
    assert run(["bench", str(tmp_path / "m.onnx"), "-q", *(word for out in outs for word in ("-o", str(out)))]) == 1
    told = capsys.readouterr()
    assert result.candidates[0].name in told.out
    assert f"cannot write {str(outs[1])!r} (No such file or directory); the answer and the outputs" in told.err
    assert "choose another -o" in told.err
    assert result.candidates[0].name in outs[0].read_text()
    assert read_result(outs[2]) == result


def test_selftest_tells_what_it_cannot_write(
    gone: Path, measuring: Callable[[str, Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    checks = (Check("clock read twice", 67.0, 1000.0, "ns", True),)
    measuring("edgetl.device.bench.selftest.run.self_test", SelfTest("edgetl.selftest/1", environment(), checks, ()))
    assert run(["bench", "selftest", "-o", str(gone / "lost.json")]) == 1
    told = capsys.readouterr()
    assert "clock read twice" in told.out
    assert "lost.json' (No such file or directory)" in told.err


def test_qualify_tells_what_it_cannot_write(
    tiny_bundle: Path,
    result: Result,
    gone: Path,
    measuring: Callable[[str, Any], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    measuring("edgetl.device.qualify.qualify", result)
    assert run(["qualify", str(tiny_bundle), "-q", "-o", str(gone / "lost.json")]) == 1
    told = capsys.readouterr()
    assert result.candidates[0].name in told.out
    assert "lost.json' (No such file or directory)" in told.err


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux: /proc takes no files, not even of root")
def test_a_folder_that_takes_no_files_is_refused_before_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edgetl.device.bench.models.bench_models", lambda *_: pytest.fail("it measured"))
    (tmp_path / "m.onnx").write_bytes(b"")
    assert run(["bench", str(tmp_path / "m.onnx"), "-o", "/proc/x.json"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "folder '/proc' takes no file" in told or "folder '/proc' is not writable" in told
