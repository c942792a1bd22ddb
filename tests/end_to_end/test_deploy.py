"""The main job as a user runs it: command line, files, exit codes; and the device side without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
stages = ["blocks.2", "head"]
regularisation = [0.01, 0.1]
[quantize]
{quantize}
[gates]
accuracy_drop_max = 0.05
margin = 0.3
{more}
"""
NO_TORCH = """
import sys
for name in ("torch", "torchvision", "timm", "onnx", "sklearn", "scipy"):
    sys.modules[name] = None
from edgetl.cli import main
main(sys.argv[1:])
"""


def edgetl(*arguments: object, cache: Path, without_torch: bool = False) -> subprocess.CompletedProcess[str]:
    program = ["-c", NO_TORCH] if without_torch else ["-m", "edgetl.cli"]
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"EDGETL_CACHE": str(cache), "PYTHONPATH": str(ROOT)},
    )


def write_recipe(path: Path, photos: Path, quantize: str = "calibration = 32", more: str = "") -> Path:
    path.write_text(RECIPE.format(photos=photos, quantize=quantize, more=more))
    return path


@pytest.fixture(scope="module")
def deployed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A bundle made by ``edgetl deploy``, and the cache it was made with."""
    folder = tmp_path_factory.mktemp("deployed")
    recipe = write_recipe(folder / "recipe.toml", photos)
    done = edgetl("deploy", recipe, "-o", folder / "out.edgetl", "--effort", "quick", cache=folder / "cache")
    assert done.returncode == 0, done.stderr
    return folder / "out.edgetl", folder / "cache"


def test_deploy_writes_bundle_result_and_report(deployed: tuple[Path, Path]) -> None:
    bundle, _ = deployed
    result = json.loads(bundle.with_suffix(".result.json").read_text())
    report = bundle.with_suffix(".report.md").read_text()
    assert result["passed"]
    assert result["selected"] in report
    assert {candidate["variant"] for candidate in result["candidates"]} == {"fp32", "int8-x86-vnni"}
    verdicts = {one["validity"]["verdict"] for one in result["candidates"] if one["latency"] is not None}
    assert verdicts <= {"valid", "degraded", "invalid"}
    assert f"Timing is {next(word for word in ('invalid', 'degraded', 'valid') if word in verdicts)}" in report
    for candidate in result["candidates"]:
        assert (candidate["rejected_because"] is None) == (candidate["name"] == result["selected"])


def test_device_half_runs_where_torch_cannot_be_imported(
    deployed: tuple[Path, Path], photos: Path, tmp_path: Path
) -> None:
    bundle, _ = deployed
    elsewhere = tmp_path / "another-cache"
    done = edgetl(
        "qualify", bundle, "--effort", "quick", "-o", tmp_path / "r.json", cache=elsewhere, without_torch=True
    )
    assert done.returncode == 0, done.stderr
    done = edgetl("predict", bundle, photos / "striped", "--json", cache=elsewhere, without_torch=True)
    assert done.returncode == 0, done.stderr
    labels = [answer["label"] for answer in json.loads(done.stdout)]
    assert len(labels) == 60
    assert labels.count("striped") > 54


def test_second_deploy_measures_nothing_again(deployed: tuple[Path, Path], photos: Path) -> None:
    bundle, cache = deployed
    before = bundle.read_bytes()
    arguments = ("deploy", bundle.with_name("recipe.toml"), "-o", bundle, "--effort", "quick", "--json")
    done = edgetl(*arguments, cache=cache)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["prepared"]["reused"]
    assert not answer["measured_again"]
    assert bundle.read_bytes() == before


def test_missed_latency_gate_is_exit_3_with_the_reason(
    photos: Path, deployed: tuple[Path, Path], tmp_path: Path
) -> None:
    gate = "[gates.target.local]\nlatency_p50_ms_max = 0.000001"
    recipe = write_recipe(tmp_path / "recipe.toml", photos, "renderings = []", gate)
    done = edgetl("deploy", recipe, "-o", tmp_path / "out.edgetl", "--effort", "quick", cache=deployed[1])
    assert done.returncode == 3
    assert "latency" in done.stdout + done.stderr
    result = json.loads((tmp_path / "out.result.json").read_text())
    assert not result["passed"]
    assert result["selected"] is None


@pytest.mark.slow
def test_solar_cells_reach_what_their_card_says(tmp_path: Path) -> None:
    model = ROOT / "models" / "solar-cells"
    expected = json.loads((model / "expected.json").read_text())
    arguments = ("deploy", model / "recipe.toml", "-o", tmp_path / "solar.edgetl", "--effort", "quick", "--json")
    done = edgetl(*arguments, cache=tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    inspected = json.loads(edgetl("inspect", tmp_path / "solar.edgetl", "--json", cache=tmp_path / "cache").stdout)
    accuracy = {
        evaluation["variant"]: evaluation["test"]["values"][0]["value"] for evaluation in inspected["evaluations"]
    }
    assert accuracy["fp32"] >= expected["test_accuracy_min"]
    selected = answer["result"]["selected"].split("/")[0]
    assert accuracy[selected] >= expected["test_accuracy_min"]
    photos = [photo["path"] for photo in answer["prepared"]["held_out"]]
    predicted = edgetl("predict", tmp_path / "solar.edgetl", *photos, "--json", cache=tmp_path / "cache")
    assert len(json.loads(predicted.stdout)) == len(photos)
