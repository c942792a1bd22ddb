"""`edgetl models`: the recipes of a checkout."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import edgetl
from edgetl import zoo
from edgetl.cli import run
from edgetl.cli.options import RecipePath
from edgetl.recipe import read_recipe

MODELS = Path(edgetl.__file__).parent.parent / "models"
CARD = """# Bolts: right or left

What it is.

## Data

- **Licence**: [CC0](https://example.org/cc0): do as you like.

## Limits

- Not for [screws](https://example.org).
- One factory only.

## References
- Nobody
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recipe = tmp_path / "zoo/bolts"
    (recipe / "__pycache__").mkdir(parents=True)
    (recipe / "recipe.toml").write_text(
        'name = "bolts-2"\n[data]\nsource = "source:load"\n[backbone]\nname = "resnet18"\n[adapt]\nmethod = "scratch"\n'
    )
    (recipe / "card.md").write_text(CARD)
    (recipe / "source.py").write_text("def load(): ...")
    (recipe / "__pycache__/source.pyc").write_bytes(b"")
    (recipe / "expected.json").write_text('{"test_accuracy_min": 0.84, "why": "so"}')
    return tmp_path / "zoo"


def test_every_recipe_of_the_checkout_is_listed_with_card_and_expectation(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--json"]) == 0
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(found) == {path.parent.name for path in MODELS.glob("*/recipe.toml")}
    assert all(entry["title"] and entry["licence"] and entry["limits"] for entry in found.values())
    assert "CC BY-NC-SA 4.0" in found["solar-cells"]["licence"]


def test_a_recipe_is_listed_with_what_its_files_say(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--folder", str(folder), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry == {
        "name": "bolts",
        "folder": str(folder / "bolts"),
        "title": "Bolts: right or left",
        "method": "scratch",
        "backbone": "resnet18",
        "licence": "CC0",
        "limits": ["Not for screws.", "One factory only."],
        "test_accuracy_min": 0.84,
    }
    assert run(["models", "--folder", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert all(words in shown for words in ("bolts", "scratch", "at least 84.0 %", "CC0", "Not for screws"))


def sections(card: str) -> dict[str, str]:
    """What stands below each heading of the second level, by its words."""
    parts = re.split(r"^## (.+)$", card, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@pytest.mark.parametrize("card", sorted(MODELS.glob("*/card.md")), ids=lambda card: card.parent.name)
def test_a_card_says_all_by_itself_because_it_travels_alone(card: Path) -> None:
    found = sections(card.read_text(encoding="utf-8"))
    said = "".join(text for title, text in found.items() if not title.startswith("Other recipes"))
    links = [link for link in re.findall(r"\]\(([^)]+)\)", said) if not link.startswith("https://")]
    assert [link for link in links if "/" in link or not (card.parent / link).is_file()] == []
    assert "../" not in said


@pytest.mark.parametrize("recipe", sorted(MODELS.glob("*/recipe.toml")), ids=lambda recipe: recipe.parent.name)
def test_recipes_of_one_data_set_say_the_same_of_it(recipe: Path) -> None:
    source = (recipe.parent / read_recipe(recipe).data.source.partition(".py:")[0]).resolve()
    own, shared = (
        sections((folder / "card.md").read_text(encoding="utf-8")) for folder in (recipe.parent, source.parent)
    )
    assert own["Data"] == shared["Data"]
    assert [line for line in shared["Limits"].splitlines() if line not in own["Limits"].splitlines()] == []


def test_card_and_expectation_may_be_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bolts/card.md").unlink()
    (folder / "bolts/expected.json").unlink()
    assert run(["models", "--folder", str(folder), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["title"], entry["licence"], entry["limits"], entry["test_accuracy_min"]) == (
        "bolts-2",
        None,
        [],
        None,
    )


def test_a_copy_is_whole_and_overwrites_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    command = ["models", "bolts", "--folder", str(folder), "-o", str(out), "--json"]
    assert run(command) == 0
    names = [Path(path).name for path in json.loads(capsys.readouterr().out)["files"]]
    assert names == ["card.md", "expected.json", "recipe.toml", "source.py"]
    assert (out / "card.md").read_text() == CARD
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "zoo"]
    (out / "card.md").write_text("changed")
    assert run(command) == 2
    assert (out / "card.md").read_text() == "changed"


def test_a_copy_has_its_own_copy_of_a_shared_source(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    assert run(["models", "solar-cells-finetune", "--folder", str(MODELS), "-o", str(out), "--json"]) == 0
    assert (out / "source.py").read_text() == (MODELS / "solar-cells" / "source.py").read_text()
    assert 'source = "source:load"' in (out / "recipe.toml").read_text()
    assert "../" not in read_recipe(out / "recipe.toml").data.source


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bolts"], "NAME and -o DIR"),
        (["-o", "x"], "NAME and -o DIR"),
        (["nuts", "-o", "x"], "no recipe 'nuts' in .* expected one of: bolts"),
    ],
    ids=" ".join,
)
def test_wrong_words_are_bad_input(
    folder: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", *words, "--folder", str(folder)]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("text", ["{", "[]", '{"test_accuracy_min": "much"}'])
def test_a_damaged_expectation_is_named(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bolts/expected.json").write_text(text)
    assert run(["models", "--folder", str(folder)]) == 2
    assert "expected.json" in capsys.readouterr().err


def test_an_installed_package_says_where_recipes_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(zoo, "_PACKAGE", tmp_path / "site-packages/edgetl")
    (tmp_path / "site-packages/models").mkdir(parents=True)  # of another package
    assert run(["models"]) == 2
    assert "come with EdgeTL's source" in capsys.readouterr().err


def test_a_recipe_may_be_given_by_its_name_unless_a_file_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert RecipePath()("solar-cells") == MODELS / "solar-cells/recipe.toml"
    Path("solar-cells").write_text("mine")
    assert RecipePath()("solar-cells") == Path("solar-cells")


def test_a_name_that_is_neither_file_nor_recipe_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prepare", "moon-cells", "-o", "x.edgetl"]) == 2
    shown = capsys.readouterr().err
    assert "'moon-cells' is no file" in shown
    assert "solar-cells" in shown
