"""Errors end in one line, one document and the right code."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import msgspec
import pytest

from edgetl import cli, errors
from edgetl.cli.failures import gate_failed
from edgetl.cli.options import common
from edgetl.cli.output import Output
from edgetl.report.page import Page
from edgetl.result import Result

ERRORS = [
    (errors.EdgeTLError("it broke"), 1),
    (errors.BackendError("it broke"), 1),
    (errors.MissingExtra("openvino", "openvino"), 1),
    (errors.DataError("it broke"), 2),
    (errors.Unsupported("it broke"), 2),
    (errors.GateFailed("it broke"), 3),
    (RuntimeError("it broke"), 1),
    (PermissionError(13, "Permission denied", "out.edgetl"), 1),
]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Play:
    play = Play()
    monkeypatch.setattr(cli.edgetl, "get_command", lambda context, name: play.command)
    return play


class Play:
    """A command that does what a test tells it."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

        @click.command("play")
        @common
        def command(output: Output) -> None:
            sys.stdout.write("a word by the way\n")
            if self.error is not None:
                raise self.error
            output.answer({"answer": 42}, Page("forty-two"))

        self.command = command


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: getattr(type(value), "__name__", str(value)))
def test_error_becomes_a_line_and_its_exit_code(
    error: Exception, code: int, command: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    command.error = error
    assert cli.run(["play"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [line for line in shown.err.splitlines() if line.startswith("edgetl: ")] == shown.err.splitlines()[1:]
    assert len(shown.err.splitlines()) == 2


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: getattr(type(value), "__name__", str(value)))
def test_error_is_one_document_with_json(
    error: Exception, code: int, command: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    command.error = error
    assert cli.run(["play", "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["type"] == type(error).__name__
    assert document["error"]["message"]


def test_missing_host_package_says_what_to_install(command: Play, capsys: pytest.CaptureFixture[str]) -> None:
    command.error = ModuleNotFoundError("No module named 'timm'", name="timm")
    assert cli.run(["play"]) == 1
    assert capsys.readouterr().err.endswith("edgetl: timm is not installed; run: pip install 'edgetl[host]'\n")


def test_message_of_several_lines_is_told_in_one(command: Play, capsys: pytest.CaptureFixture[str]) -> None:
    command.error = errors.DataError("one\n  two")
    cli.run(["play"])
    assert capsys.readouterr().err.endswith("edgetl: one two\n")


def test_traceback_is_shown_only_when_asked_for(command: Play, capsys: pytest.CaptureFixture[str]) -> None:
    command.error = RuntimeError("it broke")
    cli.run(["play"])
    brief = capsys.readouterr().err
    cli.run(["play", "-v"])
    long = capsys.readouterr().err
    assert "Traceback" not in brief
    assert "-v" in brief
    assert "Traceback" in long


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()], ids=["ctrl-c", "abort"])
def test_interruption_is_130(error: BaseException, command: Play, capsys: pytest.CaptureFixture[str]) -> None:
    command.error = error
    assert cli.run(["play"]) == 130
    assert capsys.readouterr().err.endswith("edgetl: interrupted\n")


def test_json_is_the_only_thing_on_stdout(command: Play, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["play", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"answer": 42}
    assert shown.err == "a word by the way\n"


def test_wrong_option_is_bad_input_and_a_document_with_json(command: Play, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["play", "--json", "--nonsense"]) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["type"] == "UsageError"
    assert "--nonsense" in shown.err


def test_missed_gate_tells_every_reason_and_is_3(result: Result, capsys: pytest.CaptureFixture[str]) -> None:
    failed = msgspec.structs.replace(result, passed=False, selected=None)
    with pytest.raises(click.exceptions.Exit) as stopped:
        gate_failed(failed)
    assert stopped.value.exit_code == 3
    assert "parity: 3.2 is above the limit of 1" in capsys.readouterr().err


def test_passed_gates_say_nothing(result: Result, capsys: pytest.CaptureFixture[str]) -> None:
    gate_failed(result)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "command",
    ["qualify a.edgetl", "bench a.onnx", "deploy --data d --backbone b", "prepare --data d --backbone b"],
)
def test_output_that_cannot_be_written_is_told_before_any_work(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.run([*command.split(), "-o", str(tmp_path / "file/result.json")]) == 2
    assert "cannot make folder" in capsys.readouterr().err
    assert cli.run([*command.split(), "-o", str(tmp_path)]) == 2
    assert "is a folder; give the name of a file" in capsys.readouterr().err


def test_output_file_where_a_folder_is_asked_for_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert cli.run(["unpack", "a.edgetl", "-o", str(tmp_path / "file")]) == 2
    assert "is a file; give the name of a folder" in capsys.readouterr().err
