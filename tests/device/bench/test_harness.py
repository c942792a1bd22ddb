from __future__ import annotations

from pathlib import Path

import pytest

from edgetl.device.bench.harness import harness_sha256

FILES = ("backends/openvino.py", "checked_runner.py", "bench/timing/closed.py")
OTHERS = ("bench/judgement.py", "bench/timing/README.md", "probe/cpu.py")


@pytest.fixture
def device(tmp_path: Path) -> Path:
    for name in (*FILES, *OTHERS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_what_runs_or_times_an_inference_changes_the_hash(name: str, device: Path) -> None:
    before = harness_sha256(device)
    (device / name).write_text("x = 2\n")
    changed = harness_sha256(device)
    (device / name).rename((device / name).with_stem("renamed"))
    assert len({before, changed, harness_sha256(device)}) == 3


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_does(name: str, device: Path) -> None:
    before = harness_sha256(device)
    (device / name).write_text("x = 2\n")
    assert harness_sha256(device) == before


def test_ends_of_lines_are_no_change(device: Path) -> None:
    before = harness_sha256(device)
    (device / FILES[0]).write_bytes(b"x = 1\r\n")
    assert harness_sha256(device) == before


def test_the_code_that_is_installed_has_all_kinds_of_files() -> None:
    device = Path(harness_sha256.__code__.co_filename).parents[1]
    assert [name for name in FILES if not (device / name).is_file()] == []
    assert harness_sha256() == harness_sha256(device)
