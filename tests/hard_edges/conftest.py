"""One way to run a command and to look at what it said, and places that refuse to be written to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgetl.cli import run

ROOT = Path(__file__).parents[2]
RECIPE = """
name = "stripes"
[data]
source = "{photos}"
[backbone]
name = "timm/test_efficientnet"
weights = "random"
preprocess = {{ height = 48, width = 48 }}
[adapt]
method = "linear-probe"
stages = ["head"]
views = ["identity"]
regularisation = [0.01]
[quantize]
renderings = []
[gates]
accuracy_drop_max = 0.05
margin = 0.3
"""


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """What it said was wrong; a traceback is never said."""
        assert "Traceback" not in self.err, self.err
        return "\n".join(line for line in self.err.splitlines() if line.startswith("edgetl: "))


Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One cache for all tests here, outside of their folders."""
    cache = tmp_path_factory.getbasetemp() / "edges-cache"
    monkeypatch.setenv("EDGETL_CACHE", str(cache))
    return cache


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process."""

    def of(*arguments: object) -> Done:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return Done(code, shown.out, shown.err)

    return of


@pytest.fixture
def recipe(photos: Path, tmp_path: Path) -> Path:
    """A recipe that works."""
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(photos=photos))
    return path


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[bytes]]:
    """Start a command as a process of its own; keywords change its environment, ``None`` unsets a variable."""

    def of(*arguments: object, streams: dict[str, Any] | None = None, **changes: str | None) -> Any:
        given = {**os.environ, "PYTHONPATH": str(ROOT), **changes}
        environment = {name: value for name, value in given.items() if value is not None}
        command = [sys.executable, "-m", "edgetl.cli", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **(streams or {})}
        # a background job of a script ignores SIGINT, one of nohup SIGHUP, and its children would inherit that
        return subprocess.Popen(command, env=environment, preexec_fn=listen_to_signals, **pipes)

    return of


def listen_to_signals() -> None:
    """What a process in a terminal does."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def process(start: Callable[..., subprocess.Popen[bytes]]) -> Command:
    """Run a command as a process of its own, to its end."""

    def of(*arguments: object, **options: Any) -> Done:
        with start(*arguments, **options) as running:
            out, err = running.communicate(timeout=120)
        return Done(running.returncode, (out or b"").decode(), (err or b"").decode())

    return of


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own, which binds root, too; skips where it cannot be had."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs ({done.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that is full but for 4 KiB."""
    with mounted(tmp_path / "small", "size=32k") as folder:
        (folder / "old").write_bytes(b"x" * (28 << 10))
        yield folder


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody can write to: permissions for a user, a mount for root."""
    if os.geteuid() == 0:
        with mounted(tmp_path / "read-only", "size=32k,ro") as folder:
            yield folder
        return
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o555)
    yield folder
    folder.chmod(0o755)
