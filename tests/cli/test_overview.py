"""`edgetl` itself: the overview, versions, wrong words."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from edgetl import __version__
from edgetl.cli import COMMANDS, edgetl, run
from edgetl.device.bench.plan import PLANS
from edgetl.plugins import TARGETS

HEAVY = ("numpy", "rich", "msgspec", "PIL", "torch", "onnx", "onnxruntime", "openvino", "sklearn")


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from edgetl.cli import run; run(['--help']); "
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_help_imports_few_modules_beyond_those_of_click() -> None:
    def modules(program: str) -> int:
        code = f"import sys; {program}; print(len(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return int(done.stdout.splitlines()[-1])

    assert modules("from edgetl.cli import run; run(['--help'])") <= modules("import click") + 25


@pytest.mark.parametrize("module", ["edgetl", "edgetl.cli"])
def test_package_runs_as_a_module(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"edgetl {__version__}\n"


def test_public_names_are_listed_before_they_are_used() -> None:
    program = "import edgetl, sys; print(set(edgetl.__all__) <= set(dir(edgetl)), 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_help_of_qualify_names_the_targets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["qualify", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"[gates.target.NAME] are judged; one of: {', '.join(TARGETS)}." in shown


def test_help_lists_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)
    assert "3 a gate failed" in shown


def command_lines() -> list[list[str]]:
    """The words of every command, sub-commands of groups included."""
    found = []
    for name in COMMANDS:
        command = edgetl.get_command(click.Context(edgetl), name)
        inner = list(command.commands) if isinstance(command, click.Group) else []
        found += [[name, sub] for sub in inner] or [[name]]
    return found


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_every_command_loads_has_help_and_takes_the_common_options(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--json", "--quiet", "--verbose"))


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_help_of_a_command_imports_no_numpy(words: list[str]) -> None:
    program = f"import sys; from edgetl.cli import run; run([*{words!r}, '--help']); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_the_name_of_its_table_entry(name: str) -> None:
    command = edgetl.get_command(click.Context(edgetl), name)
    assert command is not None
    assert command.name == name


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"edgetl {__version__}\n"


def test_unknown_command_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deply"]) == 2
    assert "deply" in capsys.readouterr().err


def test_no_command_shows_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "deploy" in capsys.readouterr().err


def test_closed_pipe_ends_quietly() -> None:
    line = f"{sys.executable} -m edgetl.cli completion bash | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_names_the_program(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    assert "_EDGETL_COMPLETE" in capsys.readouterr().out


def test_bash_completion_completes_commands() -> None:
    environment = {"_EDGETL_COMPLETE": "bash_complete", "COMP_WORDS": "edgetl insp", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "edgetl.cli"],
        capture_output=True,
        text=True,
        check=True,
        env=environment | {"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == "plain,inspect"


def test_help_says_how_long_an_effort_lasts_and_which_precision_is_the_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    *least, longest = (f"{plan.min_s:g}" for plan in PLANS.values())
    assert longest == "1800"
    assert run(["bench", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"at least {', '.join(least)} s or half an hour for each candidate." in shown
    assert "[default: fp32 for plain files, all worth trying here for bundles]" in shown
