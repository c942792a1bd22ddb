"""From a transformer to the sentence about the versions of TensorRT that refuse its graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetl.cli import run

pytestmark = pytest.mark.slow
SENTENCE = "TensorRT 8.5 (JetPack 5) has no LayerNormalization, which 8.6 and newer have; use JetPack 6 or newer"
RECIPE = """
name = "stripes"
[data]
source = "{photos}"
[backbone]
name = "timm/test_vit"
weights = "random"
[adapt]
method = "linear-probe"
regularisation = [0.1]
[quantize]
calibration = 32
budget_s = 0
renderings = ["tensorrt", "x86-vnni"]
[gates]
accuracy_drop_max = 0.5
margin = 0.5
"""


@pytest.fixture(scope="module")
def command(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Prepares the bundle, and the second time takes it from its cache."""
    folder = tmp_path_factory.mktemp("vit")
    (folder / "recipe.toml").write_text(RECIPE.format(photos=photos))
    return ["prepare", str(folder / "recipe.toml"), "-o", str(folder / "vit.edgetl"), "--cache", str(folder / "cache")]


@pytest.fixture(scope="module")
def prepared(command: list[str], answer: Callable[..., Any]) -> Any:
    return answer(*command)


def test_a_layer_that_an_old_version_lacks_is_told_of_the_graph_for_that_runtime_alone(prepared: Any) -> None:
    (name, (remark,)), *others = prepared["graph_remarks"].items()

    assert (name, others) == ("int8-tensorrt", [])
    assert remark.startswith(SENTENCE)
    assert remark.endswith("more)"), "the layers are named"


def test_it_is_kept_in_the_bundle_and_shown_wherever_that_is(
    prepared: Any, command: list[str], answer: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, page = prepared["bundle"], tmp_path / "page.md"
    artifacts = {one["name"]: one["artifact"] for one in answer("inspect", bundle)["variants"]}

    assert artifacts["int8-tensorrt"]["remarks"] == prepared["graph_remarks"]["int8-tensorrt"]
    assert run(["report", bundle, "-o", str(page), "-q"]) == 0
    assert f"int8-tensorrt: {SENTENCE}" in page.read_text("utf-8")
    for shows in (command, ["inspect", bundle]):
        capsys.readouterr()
        assert run([*shows, "-q"]) == 0
        assert f"int8-tensorrt: {SENTENCE}" in " ".join(capsys.readouterr().out.split())


def test_the_stage_that_quantizes_tells_it_of_what_it_wrote(
    prepared: Any, command: list[str], answer: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, cache = command[1], command[-2:]
    answer("adapt", recipe, "-o", tmp_path / "adapted", *cache)
    answer("export", recipe, tmp_path / "adapted", "-o", tmp_path / "fp32.onnx", *cache)
    stage = ["quantize", recipe, str(tmp_path / "fp32.onnx"), "--rendering", "tensorrt", *cache]
    stage += ["-o", str(tmp_path / "int8.onnx")]

    assert answer(*stage)["remarks"] == prepared["graph_remarks"]["int8-tensorrt"]
    capsys.readouterr()
    assert run([*stage, "-q"]) == 0
    assert f"Note: {SENTENCE}" in " ".join(capsys.readouterr().out.split())
