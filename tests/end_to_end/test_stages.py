"""Every stage as a command of its own, files in, files out; and every way to start ``prepare``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from edgetl.cli import run
from edgetl.explanation import Explanation

ROOT = Path(__file__).parents[2]
Answer = Callable[..., Any]
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
calibration = 32
[gates]
accuracy_drop_max = 0.05
margin = 0.3
"""


@pytest.fixture(scope="module")
def folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stages meet, with the recipe in it."""
    folder = tmp_path_factory.mktemp("stages")
    (folder / "recipe.toml").write_text(RECIPE.format(photos=photos))
    return folder


@pytest.fixture(scope="module")
def adapted(folder: Path, answer: Answer) -> Any:
    return answer("adapt", folder / "recipe.toml", "-o", folder / "adapted")


@pytest.fixture(scope="module")
def exported(folder: Path, adapted: Any, answer: Answer) -> Path:
    return Path(answer("export", folder / "recipe.toml", adapted["folder"], "-o", folder / "fp32.onnx")["model"])


@pytest.fixture(scope="module")
def quantized(folder: Path, exported: Path, answer: Answer) -> Path:
    return Path(answer("quantize", folder / "recipe.toml", exported, "-o", folder / "int8.onnx")["model"])


@pytest.fixture(scope="module")
def packed(folder: Path, exported: Path, quantized: Path, answer: Answer) -> Any:
    return answer(
        "pack", folder / "recipe.toml", exported, "--quantized", "x86-vnni", quantized, "-o", folder / "packed.edgetl"
    )


def test_adapt_says_where_it_cut_the_backbone(adapted: Any) -> None:
    assert adapted["stages"] == ["blocks.2", "head"]
    assert {path.name for path in Path(adapted["folder"]).iterdir()} == {
        "adapted.json",
        "head.npz",
        "trunk.safetensors",
    }


def test_quantized_model_is_smaller(exported: Path, quantized: Path) -> None:
    assert quantized.stat().st_size < exported.stat().st_size


def test_quantize_explains_itself_layer_by_layer(folder: Path, exported: Path, quantized: Path, answer: Answer) -> None:
    told = answer("quantize", folder / "recipe.toml", exported, "-o", folder / "told.onnx", "--explain")
    assert Path(told["model"]).read_bytes() == quantized.read_bytes()
    schema = json.loads((ROOT / "docs/explanation.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(told["explanation"])
    layers = msgspec.convert(told["explanation"], Explanation).layers
    convolutions = [one for one in layers if one.op == "Conv"]
    assert len(convolutions) == 17
    assert all(one.precision == "int8" and one.grid is not None and one.noise is not None for one in convolutions)
    assert all(one.sqnr_db is not None and 15 < one.sqnr_db < 60 for one in convolutions)
    assert {ran.precision for one in convolutions for ran in one.executed} <= {"int8", "fp32", "bf16", None}
    assert told["in_words"][0].startswith("'head fitted again' was chosen")
    assert told["passed"]


def test_a_report_of_the_bundle_takes_the_explanation_of_its_graph(
    folder: Path, exported: Path, packed: Any, answer: Answer, tmp_path: Path
) -> None:
    told = answer("quantize", folder / "recipe.toml", exported, "-o", folder / "told.onnx", "--explain")
    (tmp_path / "told.json").write_text(json.dumps(told))
    for page in ("told.md", "told.html"):
        answer("report", packed["bundle"], "--explain", tmp_path / "told.json", "-o", tmp_path / page)
        text = (tmp_path / page).read_text("utf-8")
        assert "Layer by layer (x86-vnni)" in text
        assert all(one["name"] in text for one in told["explanation"]["layers"])
        assert text.count("was chosen, ") == 1


def test_quantize_explains_a_trained_model(photos: Path, own_model: Path, tmp_path: Path, answer: Answer) -> None:
    normalised = ("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225")
    gates = ("--set", "gates.accuracy_drop_max=0.2", "--set", "gates.margin=0.3", "--set", "quantize.estimator=mse")
    arguments = ("--onnx", own_model, *normalised, "--data", photos, *gates, "--rendering", "x86", "--explain")
    told = answer("quantize", *arguments, "-o", tmp_path / "told.onnx")
    assert Path(told["model"]).exists()
    explanation = msgspec.convert(told["explanation"], Explanation)
    assert [one.estimator for one in explanation.ladder.attempts] == ["mse"]
    assert any(one.precision == "int8" and one.sqnr_db for one in explanation.layers)
    assert told["in_words"][0].startswith("'head as it was' was chosen")


def test_a_graph_that_misses_a_gate_is_not_written(
    folder: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (folder / "recipe.toml").read_text()
    for before, after in (("= 0.05", "= 0"), ("= 0.3", "= 0"), ("= 32", "= 32\nbudget_s = 0")):
        text = text.replace(before, after)
    (folder / "strict.toml").write_text(text)
    arguments = (folder / "strict.toml", exported, "-o", folder / "missed.onnx", "--json", "-q")
    assert run(["quantize", *map(str, arguments)]) == 3
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert (told["model"], told["passed"]) == (None, False)
    assert told["in_words"][0].startswith("int8 was rejected for 'x86-vnni'")
    assert "nothing was written" in shown.err
    assert not (folder / "missed.onnx").exists()


def test_only_integers_can_be_explained(folder: Path, exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (folder / "recipe.toml", exported, "-o", folder / "no.onnx", "--rendering", "bf16", "--explain")
    assert run(["quantize", *map(str, arguments)]) == 2
    assert "leave out --explain" in capsys.readouterr().err
    assert not (folder / "no.onnx").exists()


def test_inspect_and_report_tell_what_was_tried(folder: Path, tmp_path: Path, answer: Answer) -> None:
    bundle = Path(answer("prepare", folder / "recipe.toml", "-o", tmp_path / "tried.edgetl")["bundle"])
    answer("report", bundle, "-o", tmp_path / "tried.md")
    answer("report", bundle, "-o", tmp_path / "tried.html")
    for page in ("tried.md", "tried.html"):
        text = (tmp_path / page).read_text("utf-8")
        assert "Quantization: what was tried (x86-vnni)" in text
        assert "was chosen" in text


@pytest.mark.parametrize(("split", "n"), [("validation", 20), ("test", 24)])
@pytest.mark.parametrize("model", ["exported", "quantized"])
def test_evaluate_finds_both_models_accurate(
    model: str, split: str, n: int, folder: Path, answer: Answer, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(model)
    metrics = answer("evaluate", folder / "recipe.toml", path, "--split", split)
    accuracy = metrics["values"][0]
    assert accuracy["n"] == n
    assert accuracy["value"] > 0.85


def test_packed_bundle_holds_both_models_and_names_held_out_photos(packed: Any, answer: Answer) -> None:
    inspected = answer("inspect", packed["bundle"])
    assert [variant["name"] for variant in inspected["variants"]] == ["fp32", "int8-x86-vnni"]
    assert packed["held_out"]


def test_verify_judges_every_candidate_of_the_packed_bundle(packed: Any, answer: Answer) -> None:
    verified = answer("verify", packed["bundle"])
    assert {one["candidate"].split("/")[0] for one in verified} == {"fp32", "int8-x86-vnni"}
    assert any(one["rejected_because"] is None for one in verified)


def test_unpack_writes_models_and_what_another_language_needs(packed: Any, tmp_path: Path, answer: Answer) -> None:
    unpacked = answer("unpack", packed["bundle"], "-o", tmp_path / "plain")
    names = {Path(file).name for file in unpacked["files"]}
    assert {"fp32.onnx", "int8-x86-vnni.onnx"} <= names
    assert all(Path(file).exists() for file in unpacked["files"])


def test_bench_times_a_bundle_beside_a_plain_model(packed: Any, exported: Path, answer: Answer) -> None:
    arguments = ("--runtime", "onnxruntime", "--threads", 1, "--effort", "quick")
    result = answer("bench", packed["bundle"], exported, *arguments)
    assert len(result["candidates"]) > 1
    assert all(candidate["latency"]["p50_ns"] > 0 for candidate in result["candidates"])


def test_doctor_lists_the_runtimes(answer: Answer) -> None:
    assert {"onnxruntime", "openvino"} <= {runtime["name"] for runtime in answer("doctor")["runtimes"]}


def test_prepare_from_a_recipe_names_held_out_photos(folder: Path, tmp_path: Path, answer: Answer) -> None:
    prepared = answer("prepare", folder / "recipe.toml", "-o", tmp_path / "out.edgetl")
    assert Path(prepared["bundle"]).exists()
    assert all(Path(photo["path"]).exists() for photo in prepared["held_out"])


def test_prepare_straight_from_photos(photos: Path, tmp_path: Path, answer: Answer) -> None:
    flags = ("--backbone", "timm/test_efficientnet", "--weights", "random", "--size", "48x48")
    prepared = answer("prepare", "--data", photos, *flags, "-o", tmp_path / "parts.edgetl")
    inspected = answer("inspect", prepared["bundle"])
    assert inspected["name"] == "parts"
    assert inspected["classes"] == ["flat", "striped"]
    assert (inspected["preprocess"]["height"], inspected["preprocess"]["width"]) == (48, 48)


def test_prepare_from_a_trained_model(photos: Path, own_model: Path, tmp_path: Path, answer: Answer) -> None:
    normalised = ("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225")
    arguments = ("--onnx", own_model, *normalised, "--data", photos, "-o", tmp_path / "own.edgetl")
    prepared = answer("prepare", *arguments)
    inspected = answer("inspect", prepared["bundle"])
    assert inspected["evaluations"][0]["test"]["values"][0]["value"] > 0.9


def test_prepare_from_a_trained_model_searches_as_it_is_told(
    photos: Path, own_model: Path, tmp_path: Path, answer: Answer
) -> None:
    quantize = ("search=all", "treatments=[]", "estimator=minmax", "budget_s=0", "renderings=['x86']")
    keys = [*(f"quantize.{key}" for key in quantize), "gates.accuracy_drop_max=0.2", "gates.margin=0.3"]
    told = [word for key in keys for word in ("--set", key)]
    normalised = ("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225")
    arguments = ("--onnx", own_model, *normalised, "--data", photos, "-o", tmp_path / "own.edgetl", *told)
    inspected = answer("inspect", answer("prepare", *arguments)["bundle"])
    assert [variant["name"] for variant in inspected["variants"]] == ["fp32", "int8-x86"]
    notes = inspected["provenance"]["notes"]
    assert notes["recipe"]["quantize"]["estimator"] == "minmax"
    (ladder,) = notes["quantization"]
    (attempt,) = ladder["attempts"]
    assert (ladder["rendering"], attempt["estimator"]) == ("x86", "minmax")
    # by default its biases are corrected
    assert "treatments" not in attempt
    assert (ladder["search"], ladder["budget_s"]) == ("all", 0)
    assert ladder["switched_off"]
