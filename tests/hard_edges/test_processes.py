"""What surrounds a process: its streams, its environment, and signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
NO_RUNTIME = """
import sys
sys.modules["onnxruntime"] = sys.modules["openvino"] = None
from edgetl.cli import main
main(sys.argv[1:])
"""
NO_HOST = """
import sys
for name in ("torch", "timm", "onnx", "sklearn", "safetensors"):
    sys.modules[name] = None
from edgetl.cli import main
main(sys.argv[1:])
"""
WAITING = """
import time
from pathlib import Path

def load():
    Path(__file__).with_name("started").touch()
    time.sleep(300)
"""


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("inspect B", 0),
        ("inspect B --json", 0),
        ("--help", 0),
        ("inspect --help", 0),
        ("nosuch --json", 2),
        ("predict B P none.png", 2),
        ("predict B P none.png --json", 2),
    ],
)
def test_reader_that_has_gone_is_no_error_of_ours(
    line: str, code: int, process: Command, tiny_bundle: Path, photo: Path
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        places = {"B": tiny_bundle, "P": photo}
        done = process(*(places.get(word, word) for word in line.split()), streams={"stdout": writing})
    finally:
        os.close(writing)
    assert done.code == code
    assert "BrokenPipe" not in done.err + done.told
    assert "Exception ignored" not in done.err


@pytest.mark.parametrize("line", ["inspect B", "inspect B --json", "--help", "nosuch --json"])
def test_full_disk_behind_standard_output_is_told(line: str, process: Command, tiny_bundle: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = process(*line.replace("B", str(tiny_bundle)).split(), streams={"stdout": full})
    assert done.code == 1
    assert done.told.endswith("edgetl: cannot write to standard output (No space left on device)")
    assert "Exception ignored" not in done.err


@pytest.mark.parametrize("closed", [1, 2])
def test_closed_stream_is_no_error(closed: int, tiny_bundle: Path, photo: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgetl.cli", "unpack", str(tiny_bundle), "-o", str(tmp_path / "plain")]
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}>&-', "sh", *command], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr == b""
    plain = tmp_path / "plain/fp32.onnx"
    assert plain.read_bytes() == (tiny_bundle.parent / "fp32.onnx").read_bytes(), "nothing was printed into a file"


@pytest.mark.parametrize(
    ("name", "value"),
    [("HOME", None), ("TMPDIR", "/nonexistent"), ("LC_ALL", "C"), ("PYTHONIOENCODING", "ascii"), ("COLUMNS", "0")],
)
def test_odd_environment_is_no_hindrance(
    name: str, value: str | None, process: Command, tiny_bundle: Path, tmp_path: Path, photo: Path
) -> None:
    copy = shutil.copy(photo, tmp_path / "été 日本.jpg")
    done = process("predict", tiny_bundle, copy, "-q", **{name: value})
    assert done.code == 0, done.err
    assert "light" in done.out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_json_whatever_the_encoding_of_the_terminal(
    encoding: str, process: Command, tiny_bundle: Path, tmp_path: Path, photo: Path
) -> None:
    copy = shutil.copy(photo, tmp_path / "été.jpg")
    done = process("predict", tiny_bundle, copy, "-q", "--json", PYTHONIOENCODING=encoding)
    assert done.code == 0, done.err
    assert json.loads(done.out)[0]["input"] == str(copy)


def test_locale_and_file_name_that_are_not_utf8(
    process: Command, tiny_bundle: Path, tmp_path: Path, photo: Path
) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")
    shutil.copy(photo, name)
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = process("predict", tiny_bundle, name, "-q", "--json", **plain)
    assert done.code == 0, done.err
    assert json.loads(done.out)[0]["input"] == name


def test_cache_variable_that_names_a_file(process: Command, tiny_bundle: Path, photo: Path) -> None:
    done = process("predict", tiny_bundle, photo, EDGETL_CACHE=str(photo))
    assert done.code == 2
    assert f"cannot keep a cache in {str(photo)!r} (File exists); give a folder that can be written to" in done.told


@pytest.mark.parametrize(
    ("program", "line", "said"),
    [
        (NO_RUNTIME, "predict B P", "onnxruntime is not installed; run: pip install 'edgetl[onnxruntime]'"),
        (NO_RUNTIME, "qualify B -o r.json", "is not installed; run: pip install 'edgetl["),
        (
            NO_RUNTIME,
            "predict B P --runtime openvino",
            "openvino is not installed; run: pip install 'edgetl[openvino]'",
        ),
        (NO_HOST, "prepare --data d --backbone b -o o.edgetl", "is not installed; run: pip install 'edgetl[host]'"),
    ],
    ids=["predict", "qualify", "chosen runtime", "host"],
)
def test_missing_package_says_what_to_install(
    program: str, line: str, said: str, tiny_bundle: Path, photo: Path, tmp_path: Path
) -> None:
    places = {"B": str(tiny_bundle), "P": str(photo)}
    words = [places.get(word, word) for word in line.split()]
    done = subprocess.run(
        [sys.executable, "-c", program, *words, "--json"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    assert said in json.loads(done.stdout)["error"]["message"]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "edgetl: interrupted"),
        (signal.SIGTERM, 143, "edgetl: stopped by SIGTERM"),
        (signal.SIGHUP, 129, "edgetl: stopped by SIGHUP"),
    ],
    ids=["ctrl-c", "SIGTERM", "SIGHUP"],
)
def test_signal_ends_a_deploy_in_order(
    number: signal.Signals,
    code: int,
    said: str,
    start: Command,
    recipe: Path,
    photos: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "source.py").write_text(WAITING)
    recipe.write_text(recipe.read_text().replace(str(photos), "source:load"))
    out = tmp_path / "out"
    with start("deploy", recipe, "-o", out / "it.edgetl") as running:
        wait_for(tmp_path / "started", running)
        running.send_signal(number)
        _, err = running.communicate(timeout=120)
    assert running.returncode == code
    assert said in err.decode()
    assert "Traceback" not in err.decode()
    assert list(out.iterdir()) == []


def test_signal_while_a_file_is_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    program = """
import sys, time
from pathlib import Path
from edgetl.cli.process import prepare_process
from edgetl.files import replacing
prepare_process()
folder = Path(sys.argv[1])
with replacing(folder / "out") as file:
    file.write(b"half of it")
    file.flush()
    (folder / "started").touch()
    time.sleep(300)
"""
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.PIPE) as running:
        wait_for(tmp_path / "started", running)
        running.terminate()
        running.communicate(timeout=60)
    assert running.returncode == 143
    assert (tmp_path / "out").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "started"}


@pytest.mark.slow
def test_deploy_works_after_it_was_interrupted(start: Command, process: Command, recipe: Path, tmp_path: Path) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    arguments = ("deploy", recipe, "-o", out / "it.edgetl", "--effort", "quick", "--cache", cache)
    with start(*arguments) as running:
        for line in running.stderr:
            if b"extract features" in line:  # in the midst of the work
                break
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=120)
    assert running.returncode == 130
    assert list(out.iterdir()) == []
    assert not [path for path in cache.rglob("*") if path.suffix == ".tmp"]
    again = process(*arguments)
    assert again.code == 0, again.err
    assert {path.name for path in out.iterdir()} == {"it.edgetl", "it.result.json", "it.report.md", "it.report_files"}


def wait_for(path: Path, running: subprocess.Popen[bytes]) -> None:
    """Until a process has made a file."""
    give_up = time.monotonic() + 180
    while not path.exists():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.05)
