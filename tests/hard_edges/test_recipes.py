"""Recipes that cannot be meant: exit code 2 and the field, before any work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
CHANGES: dict[str, tuple[str, str, str]] = {
    "unknown field": ('name = "stripes"', 'name = "s"\nsed = 3', "unknown field `sed`; did you mean 'seed'?"),
    "unknown section": ("[gates]", "[gate]", "unknown field `gate`; did you mean 'gates'?"),
    "unknown field of a section": (
        "margin = 0.3",
        "marign = 0.3",
        "unknown field `marign` - at `$.gates`; did you mean 'margin'?",
    ),
    "wrong type": ("margin = 0.3", 'margin = "x"', "Expected `float`, got `str` - at `$.gates.margin`"),
    "name that is a number": ('name = "stripes"', "name = 5", "Expected `str`, got `int` - at `$.name`"),
    "out of range": ("margin = 0.3", "margin = 7", "margin is a fraction from 0 to 1, got 7.0 - at `$.gates`"),
    "NaN": ("margin = 0.3", "margin = nan", "expected a finite number, got nan - at `$.gates.margin`"),
    "NaN as limit": ("margin = 0.3", "size_mb_max = nan", "finite number, got nan - at `$.gates.size_mb_max`"),
    "NaN in an option": ("[0.01]", "[0.01, nan]", "finite number, got nan - at `$.adapt.regularisation[1]`"),
    "infinity": ("margin = 0.3", "size_mb_max = inf", "finite number, got inf - at `$.gates.size_mb_max`"),
    "duplicate key": ('name = "stripes"', 'name = "s"\nname = "t"', "is not valid TOML"),
    "negative seed": ('name = "stripes"', 'name = "s"\nseed = -1', "seed must be a whole number from 0 to 4294967295"),
    "huge seed": ('name = "stripes"', 'name = "s"\nseed = 4294967296', "from 0 to 4294967295, got 4294967296"),
    "negative split seed": ("[backbone]", "split_seed = -5\n[backbone]", "split_seed must be a whole number from 0"),
    "version 0": ('name = "stripes"', 'name = "s"\nversion = 0', "version must be at least 1"),
    "huge version": ('name = "stripes"', 'name = "s"\nversion = 3000000000', "below 2147483648, got 3000000000"),
    "name with a slash": ('"stripes"', '"a/b"', "name 'a/b' must be letters, digits"),
    "empty name": ('"stripes"', '""', "name '' must be letters, digits"),
    "long name": ('"stripes"', f'"{"x" * 65}"', "at most 64"),
    "unknown method": ('"linear-probe"', '"linear-prob"', "unknown method 'linear-prob'; expected one of: "),
    "unknown field of a target": ("[gates]", "[gates.target.x]\nlatency_p50_max = 1\n[gates]", "'latency_p50_ms_max'?"),
    "unknown field of preprocessing": (
        "height = 48",
        "hight = 48",
        "- at `$.backbone.preprocess`; did you mean 'height'?",
    ),
    "unknown option of a method": (
        "views",
        "view",
        "recipe.toml': [adapt] options of 'linear-probe': Object contains unknown field `view` - at `$.adapt`; "
        "did you mean 'views'?",
    ),
    "unknown option of augmentation": (
        'method = "linear-probe"',
        'method = "scratch"\naugment = {mixp = 1}',
        "unknown field `mixp` - at `$.adapt.augment`; did you mean 'mixup'?",
    ),
    "unknown rendering": ("renderings = []", 'renderings = ["tpu"]', "unknown rendering 'tpu'; expected one of: "),
    "unknown treatment": (
        "renderings = []",
        'renderings = []\ntreatments = ["equalize"]',
        "treatments of [quantize]: unknown treatment 'equalize'; expected some of: fold-normalisation, equalise, "
        "smooth, adaptive-rounding, bias-correction; did you mean 'equalise'?",
    ),
    "unknown task": ("[gates]", '[task]\nkind = "guess"\n[gates]', "task 'guess'"),
    "unknown backbone": ("test_efficientnet", "test_eficientnet", "did you mean test_efficientnet"),
    "unknown stage": ('["head"]', '["blocks.99"]', "has no stage 'blocks.99'; expected some of: blocks.0"),
    "no such weights": ('"random"', '"no.pth"', "weights 'no.pth' do not exist (looked at"),
    "weights of no known kind": ('"random"', '"hubb"', "expected hub, random, pip:PACKAGE or a file"),
    "weights that are no weights": ('"random"', '"recipe.pth"', "cannot read weights"),
    "weights of another model": ('"random"', '"other.safetensors"', "choose the backbone they were made for"),
    "size 0": ("height = 48", "height = 0", "height and width must be 1 to 8192, got 0 x 48"),
    "too few to calibrate": ("renderings = []", "calibration = 3", "calibration needs at least 16 images, got 3"),
    "fraction above 1": ("[backbone]", "test = 1.5\n[backbone]", "test is a fraction between 0 and 0.9, got 1.5"),
    "data that is not there": ("{photos}", "no/photos", "data source 'no/photos' does not exist (looked at"),
    "data that is a file": ("{photos}", "recipe.pth", "is a file ending in '.pth', expected a folder"),
    "data with a name too long": ("{photos}", "x" * 300, "does not exist (looked at"),
    "data with a zero byte": ("{photos}", "a\\u0000b", "does not exist (looked at"),
    "data from a missing module": ("{photos}", "nowhere:load", "no importable module 'nowhere'"),
    "no data": ("{photos}", "", "expected at least two sub-folders"),
}


def other_weights(path: Path) -> None:
    import torch  # slow to import
    from safetensors.torch import save_file

    save_file({"layer.weight": torch.zeros(2, 2)}, path)


@pytest.mark.parametrize("kind", CHANGES)
def test_recipe_is_refused_with_the_place(
    kind: str, command: Command, recipe: Path, photos: Path, tmp_path: Path
) -> None:
    before, after, said = CHANGES[kind]
    before = before.replace("{photos}", str(photos))
    text = recipe.read_text()
    assert text.count(before) >= 1
    recipe.write_text(text.replace(before, after))
    (tmp_path / "recipe.pth").write_bytes(b"not weights")
    if after.endswith('.safetensors"'):
        other_weights(tmp_path / "other.safetensors")
    done = command("prepare", recipe, "-o", tmp_path / "out.edgetl", "-q")
    assert done.code == 2, done.err
    assert said in done.told
    assert not (tmp_path / "out.edgetl").exists()


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "missing required field `name`"),
    "only a comment": (b"# nothing\n", "missing required field `name`"),
    "not TOML": (b"this is no recipe", "is not valid TOML"),
    "JSON": (b'{"name": "s"}', "is not valid TOML"),
    "binary": (bytes(range(256)), "is not valid TOML"),
    "UTF-16": ('name = "s"'.encode("utf-16"), "is not valid TOML"),
}


@pytest.mark.parametrize("kind", FILES)
def test_file_that_is_no_recipe_is_refused(kind: str, command: Command, tmp_path: Path) -> None:
    content, said = FILES[kind]
    (tmp_path / "recipe.toml").write_bytes(content)
    done = command("prepare", tmp_path / "recipe.toml", "-o", tmp_path / "out.edgetl", "-q")
    assert done.code == 2
    assert said in done.told


def test_missing_recipe_is_refused(command: Command, tmp_path: Path) -> None:
    done = command("prepare", tmp_path / "no.toml", "-o", tmp_path / "out.edgetl")
    assert done.code == 2
    assert "does not exist" in done.told


def test_byte_order_mark_and_windows_line_ends_are_read(command: Command, recipe: Path, tmp_path: Path) -> None:
    text = recipe.read_text().replace('"linear-probe"', '"told apart"').replace("\n", "\r\n")
    recipe.write_bytes(b"\xef\xbb\xbf" + text.encode())
    done = command("prepare", recipe, "-o", tmp_path / "out.edgetl")
    assert "unknown method 'told apart'" in done.told, "the recipe itself was read"


def test_folder_that_is_not_utf8_is_refused_before_any_work(command: Command, tmp_path: Path) -> None:
    arguments = ("--data", "photos\udcff", "--backbone", "timm/test_efficientnet", "-o", tmp_path / "out.edgetl")
    done = command("prepare", *arguments)
    assert done.code == 2
    assert "expected UTF-8 text, got 'photos\\udcff'; rename the file or folder - at `$.data.source`" in done.told
