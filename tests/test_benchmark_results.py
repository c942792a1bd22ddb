"""What is quoted was measured on the recipes that are here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import record

from edgetl.artifact import sha256_of

ROOT = Path(__file__).parent.parent
RESULTS = sorted((ROOT / "benchmarks/results").glob("*/*.json"))
OF_RECIPES = [path for path in RESULTS if (ROOT / "models" / path.stem / "recipe.toml").is_file()]
HASHED = [path for path in OF_RECIPES if path.stem != "solar-cells"]
"""All but what was measured before results told the recipe's hash."""


@pytest.mark.parametrize("path", HASHED, ids=lambda path: path.stem)
def test_result_is_of_the_recipe_as_it_is(path: Path) -> None:
    measured = json.loads(path.read_text())["measured"]
    recipe = ROOT / "models" / path.stem / "recipe.toml"
    assert measured["recipe_file_sha256"] == sha256_of(recipe), f"{recipe} changed since; measure again"


@pytest.mark.parametrize("path", OF_RECIPES, ids=lambda path: path.stem)
def test_what_a_recipe_expects_was_reached_on_every_split(path: Path) -> None:
    expected = json.loads((ROOT / "models" / path.stem / "expected.json").read_text())["test_accuracy_min"]
    measured = json.loads(path.read_text())["measured"]
    if expected is not None:
        assert min(split["accuracy"] for split in measured["splits"]) >= expected


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_command_of_a_result_names_no_path_of_one_machine(path: Path) -> None:
    words = json.loads(path.read_text())["command"].split()
    assert words[0] == "python"
    assert not any(Path(word).is_absolute() for word in words)


def test_recorded_command_leaves_out_cache_and_the_path_of_the_clone() -> None:
    out = str(ROOT / "benchmarks/results/x86-vnni/labels.json")
    words = [str(ROOT / "benchmarks/labels.py"), "--cache", "/anywhere", "-o", out, "--epochs", "3"]
    assert record.command(words) == (
        "python benchmarks/labels.py -o benchmarks/results/x86-vnni/labels.json --epochs 3"
    )
