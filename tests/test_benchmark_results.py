"""What is quoted was measured on the recipes that are here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgetl.recipe import read_recipe

ROOT = Path(__file__).parent.parent
RESULTS = sorted((ROOT / "benchmarks/results").glob("*/*.json"))
OF_RECIPES = [path for path in RESULTS if (ROOT / "models" / path.stem / "recipe.toml").is_file()]
HASHED = [path for path in OF_RECIPES if path.stem != "solar-cells"]
"""All but what was measured before results told the recipe's hash."""


@pytest.mark.parametrize("path", HASHED, ids=lambda path: path.stem)
def test_result_is_of_the_recipe_as_it_is(path: Path) -> None:
    measured = json.loads(path.read_text())["measured"]
    recipe = ROOT / "models" / path.stem / "recipe.toml"
    assert measured["recipe_sha256"] == read_recipe(recipe).sha256, f"{recipe} changed since; measure again"


@pytest.mark.parametrize("path", OF_RECIPES, ids=lambda path: path.stem)
def test_what_a_recipe_expects_was_reached_on_every_split(path: Path) -> None:
    expected = json.loads((ROOT / "models" / path.stem / "expected.json").read_text())["test_accuracy_min"]
    measured = json.loads(path.read_text())["measured"]
    if expected is not None:
        assert min(split["accuracy"] for split in measured["splits"]) >= expected
