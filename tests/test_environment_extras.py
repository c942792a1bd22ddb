"""A device's environment: one runtime, and nothing of the torch family."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TORCH_FAMILY = ("torch", "torchvision", "timm", "triton", "onnx", "onnxscript", "scikit-learn", "scipy")

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def device_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``bin`` of a fresh environment with ``edgetl[onnxruntime]`` installed from this tree."""
    folder = tmp_path_factory.mktemp("device")
    venv.create(folder / "venv", with_pip=True)
    binaries = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    source = copied(folder / "source")
    command = [binaries / "python", "-m", "pip", "install", "--quiet", "--no-cache-dir", f"{source}[onnxruntime]"]
    done = subprocess.run(command, capture_output=True, text=True, env=plain_environment(), check=False)
    assert done.returncode == 0, done.stderr
    return binaries


def copied(folder: Path) -> Path:
    """What a package is built from; building leaves files behind, which must not land in this tree."""
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "edgetl", folder / "edgetl", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def plain_environment() -> dict[str, str]:
    """Without this tree on the path: what is tested is what was installed."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def output_of(*command: Path | str, cwd: Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, env=plain_environment(), cwd=cwd).stdout


def test_nothing_of_the_torch_family_is_installed(device_bin: Path, tmp_path: Path) -> None:
    listed = output_of(device_bin / "python", "-m", "pip", "list", "--format", "json", cwd=tmp_path)
    names = {package["name"].lower() for package in json.loads(listed)}
    assert "edgetl" in names
    assert {name for name in names if name in TORCH_FAMILY or name.startswith("nvidia")} == set()


def test_command_line_works(device_bin: Path, tmp_path: Path) -> None:
    assert "predict" in output_of(device_bin / "edgetl", "--help", cwd=tmp_path)


def test_doctor_finds_the_runtime_and_says_how_to_get_the_others(device_bin: Path, tmp_path: Path) -> None:
    found = json.loads(output_of(device_bin / "edgetl", "doctor", "--json", cwd=tmp_path))
    runtimes = {runtime["name"]: runtime for runtime in found["runtimes"]}
    assert runtimes["onnxruntime"]["available"]
    assert not runtimes["openvino"]["available"]
    assert "pip install 'edgetl[openvino]'" in runtimes["openvino"]["reason"]


def test_bundle_runs(device_bin: Path, tiny_bundle: Path, photo: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    shown = output_of(device_bin / "edgetl", "predict", tiny_bundle, photo, "--json", "--cache", cache, cwd=tmp_path)
    assert json.loads(shown)[0]["label"] == "light"


def test_host_half_says_what_is_missing(device_bin: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    command = [device_bin / "edgetl", "prepare", "--data", "photos", "--backbone", "timm/resnet18", "-o", "x.edgetl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain_environment(), cwd=tmp_path)
    assert done.returncode == 1
    assert "pip install 'edgetl[host]'" in done.stderr
