"""What prepare and deploy start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from edgetl.cli import run
from edgetl.cli.source import Source, check_source, recipe_of
from edgetl.errors import RecipeError

PHOTOS: dict[str, Any] = {"data": "photos", "backbone": "timm/resnet18"}
OWN: dict[str, Any] = {"data": "photos", "onnx": Path("m.onnx")}
NOTHING: dict[str, Any] = dict.fromkeys(("recipe", "data", "name", "backbone", "weights", "method", "size"))


def source(**flags: Any) -> Source:
    return Source(**{**NOTHING, "skip_bad": False, "fresh": False, **flags})


def test_flags_amount_to_a_recipe() -> None:
    flags = source(data="photos", backbone="timm/resnet18", size=(192, 256), skip_bad=True)
    recipe, base = recipe_of(flags, Path("out/parts.edgetl"))
    assert recipe.name == "parts"
    assert recipe.data.source == "photos"
    assert recipe.data.skip_bad
    assert recipe.backbone.preprocess is not None
    assert (recipe.backbone.preprocess.height, recipe.backbone.preprocess.width) == (192, 256)
    assert base == Path.cwd()


def test_renderings_are_named_one_by_one() -> None:
    flags = {"data": "photos", "backbone": "timm/resnet18"}
    assert recipe_of(source(**flags), Path("parts.edgetl"))[0].quantize.renderings == ("x86-vnni",)
    recipe, _ = recipe_of(source(**flags, rendering=("x86", "x86-vnni")), Path("parts.edgetl"))
    assert recipe.quantize.renderings == ("x86", "x86-vnni")


def test_recipe_is_read_and_its_folder_is_the_base(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "x"\n[data]\nsource = "photos"\n[backbone]\nname = "timm/resnet18"\n')
    recipe, base = recipe_of(source(recipe=path), tmp_path / "out.edgetl")
    assert (recipe.name, base) == ("x", tmp_path)


def test_a_file_that_gives_no_name_says_how_to_give_another() -> None:
    flags = {"data": "photos", "backbone": "timm/resnet18"}
    words = r"name 'my parts', taken from -o 'my parts\.edgetl', must be letters, .*; give another one with --name"
    with pytest.raises(RecipeError, match=words):
        recipe_of(source(**flags), Path("my parts.edgetl"))
    assert recipe_of(source(**flags, name="parts"), Path("my parts.edgetl"))[0].name == "parts"


def test_wrong_recipe_names_the_field(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "x"\nflavour = 3\n[data]\nsource = "photos"\n[backbone]\nname = "timm/resnet18"\n')
    with pytest.raises(RecipeError, match="flavour"):
        recipe_of(source(recipe=path), tmp_path / "out.edgetl")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({}, "give a RECIPE"),
        ({"data": "photos"}, "--backbone"),
        ({"recipe": Path("r.toml"), "data": "photos"}, "--data cannot be given"),
        ({"recipe": Path("r.toml"), "rendering": ("x86",)}, "--rendering cannot be given"),
        ({"onnx": Path("m.onnx")}, "--onnx needs --data"),
        ({"onnx": Path("m.onnx"), "data": "photos", "method": "scratch"}, "--method cannot be given"),
        ({"data": "photos", "backbone": "b", "mean": (0.5,)}, "--mean cannot be given"),
        (OWN | {"tensorboard": Path("events")}, "--tensorboard cannot be given here: .* --onnx starts from a trained"),
        (OWN | {"overrides": {"adapt.epochs": 3}}, "--set adapt.epochs cannot be given here: --onnx starts from"),
        (OWN | {"overrides": {"backbone": {"name": "b"}}}, "--set backbone cannot be given here: --onnx starts from"),
        (OWN | {"overrides": {"backbone.weights": "hub"}}, "--set backbone.weights cannot be given here"),
        (OWN | {"overrides": {"task.kind": "tensor"}}, "--set task.kind cannot be given here: --task says it"),
        (OWN | {"overrides": {"gates.changed_max": 0.1}}, "--set gates.changed_max cannot be .* --task tensor"),
        (OWN | {"task": "tensor", "overrides": {"data.folds": 5}}, "--set data.folds cannot .* divided without labels"),
        (OWN | {"task": "tensor", "overrides": {"gates.accuracy_min": 1}}, "--set gates.accuracy_min cannot be given"),
        (
            PHOTOS | {"method": "scratch", "overrides": {"adapt.method": "finetune"}},
            "--set adapt.method='finetune' contradicts another flag, by which adapt.method is 'scratch'; give one of",
        ),
        (
            PHOTOS | {"backbone": "hf:a/b@c", "overrides": {"backbone.revision": "d"}},
            "contradicts another flag, by which backbone.revision is 'c'",
        ),
        (PHOTOS | {"size": (48, 48), "overrides": {"backbone.preprocess": {}}}, "by which backbone.preprocess.height"),
        ({"recipe": Path("r.toml"), "skip_bad": True, "overrides": {"data.skip_bad": False}}, "data.skip_bad is True"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_flags_that_contradict_each_other_are_refused(flags: dict[str, Any], words: str) -> None:
    with pytest.raises(click.UsageError, match=words):
        check_source(source(**flags))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--size", "big"],
        ["--size", "0x0"],
        ["--size", "224x0"],
        ["--onnx", "pyproject.toml", "--mean", "a,b"],
        ["--backbone", "x"],
    ],
    ids=["size", "no size", "no width", "mean", "no data"],
)
def test_wrong_flags_are_bad_input(arguments: list[str], tmp_path: Path) -> None:
    assert run(["prepare", *arguments, "-o", str(tmp_path / "x.edgetl")]) == 2


def test_limits_without_labels_amount_to_gates() -> None:
    flags = source(onnx=Path("m.onnx"), data="photos", task="tensor", changed_max=0.02, output_error_max=0.1)
    recipe, _ = recipe_of(flags, Path("own.edgetl"))
    assert (recipe.gates.changed_max, recipe.gates.output_error_max) == (0.02, 0.1)
    recipe, _ = recipe_of(source(onnx=Path("m.onnx"), data="photos", task="tensor"), Path("own.edgetl"))
    assert (recipe.gates.changed_max, recipe.gates.output_error_max) == (None, None)


@pytest.mark.parametrize("flag", ["changed_max", "output_error_max"])
def test_limits_without_labels_are_refused_with_labels(flag: str) -> None:
    expected = f"--{flag.replace('_', '-')} cannot be given here: with labels accuracy is judged"
    with pytest.raises(click.UsageError, match=expected):
        check_source(source(onnx=Path("m.onnx"), data="photos", **{flag: 0.1}))


@pytest.mark.parametrize("start", ["recipe", "photos", "own model"])
def test_keys_that_are_set_are_in_the_recipe_however_it_starts(start: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "parts"\n[data]\nsource = "photos"\n[backbone]\nname = "timm/resnet18"\n')
    keys = {"quantize.search": "all", "quantize.treatments": ["equalise"], "gates.target.local.latency_p99_ms_max": 5}
    flags = {"recipe": {"recipe": path}, "photos": PHOTOS, "own model": OWN}[start]
    asked = source(**flags, overrides=keys | {"seed": 3})
    check_source(asked)
    recipe, _ = recipe_of(asked, tmp_path / "parts.edgetl")
    assert (recipe.quantize.search, recipe.quantize.treatments, recipe.seed) == ("all", ("equalise",), 3)
    assert recipe.gates.target["local"].latency_p99_ms_max == 5


def test_what_is_not_set_stays_as_the_recipe_says(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(
        'name = "parts"\n[data]\nsource = "photos"\n[backbone]\nname = "timm/resnet18"\n'
        '[quantize]\nsearch = "all"\nbudget_s = 5\n[gates.target.local]\npeak_memory_mb_max = 9\n'
    )
    keys = {"quantize.search": "first", "gates.target.local.latency_p99_ms_max": 5}
    recipe, _ = recipe_of(source(recipe=path, overrides=keys), tmp_path / "parts.edgetl")
    local = recipe.gates.target["local"]
    assert (recipe.quantize.search, recipe.quantize.budget_s) == ("first", 5)
    assert (local.latency_p99_ms_max, local.peak_memory_mb_max) == (5, 9)


def test_what_is_set_is_checked_as_a_recipe_is_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "x"\n[data]\nsource = "photos"\n[backbone]\nname = "timm/resnet18"\n')
    words = r"with --set quantize.serch: .*unknown field `serch` - at `\$\.quantize`; did you mean 'search'\?"
    for flags in ({"recipe": path}, PHOTOS, OWN):
        with pytest.raises(RecipeError, match=words.removeprefix("" if "recipe" in flags else "with ")):
            recipe_of(source(**flags, overrides={"quantize.serch": "all"}), tmp_path / "out.edgetl")


def test_what_is_set_repairs_a_recipe_before_it_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "x"\n[data]\nsource = "photos"\n[backbone]\nname = "b"\n[quantize]\nbudget_s = -1\n')
    recipe, _ = recipe_of(source(recipe=path, overrides={"quantize.budget_s": 0}), tmp_path / "out.edgetl")
    assert recipe.quantize.budget_s == 0


def test_a_flag_and_a_key_may_say_the_same_or_complete_each_other() -> None:
    keys = {"adapt.method": "scratch", "backbone.preprocess.fit": "crop", "name": "other"}
    asked = source(**PHOTOS, method="scratch", size=(48, 64), overrides=keys)
    check_source(asked)
    recipe, _ = recipe_of(asked, Path("my parts.edgetl"))
    assert (recipe.name, recipe.adapt.method) == ("other", "scratch")
    preprocess = recipe.backbone.preprocess
    assert preprocess is not None
    assert (preprocess.height, preprocess.width, preprocess.fit) == (48, 64, "crop")
