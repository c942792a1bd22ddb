"""The recipes that come with EdgeTL's source: what each is, and a copy of one to start from."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from edgetl.errors import InputError, RecipeError
from edgetl.recipe import read_recipe

_PACKAGE = Path(__file__).parent
RECIPE, CARD, EXPECTED = "recipe.toml", "card.md", "expected.json"
_STAYS = ("demo.sh", "__pycache__")
"""What only works, or only belongs, where it is."""
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_LICENCE = re.compile(r"^[-*]\s+\*\*Licen[cs]e\*\*:\s*(.+)$", re.MULTILINE)
_SHARED = re.compile(r'source = "(?P<file>\.\./[^"]+\.py):(?P<function>\w+)"')
_HEADING = re.compile(r"^(#+)\s+(.*)$", re.MULTILINE)


class ZooEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recipe of the zoo."""

    name: str
    folder: str
    title: str
    """First line of its card."""
    method: str
    backbone: str
    licence: str | None
    """Of the data, as the card states it, in a few words."""
    limits: tuple[str, ...]
    """What the card says it is not for."""
    test_accuracy_min: float | None
    """What a run must reach on its test split."""


def zoo_folder(folder: Path | None) -> Path:
    """The folder given, else ``models`` beside the package, which a checkout has and an installed wheel has not.

    Raises:
        InputError: it is missing or has no recipe.
    """
    beside = _PACKAGE.parent / "models"
    found = beside if folder is None else folder
    if any(found.glob(f"*/{RECIPE}")):
        return found
    if folder is not None:
        raise InputError(f"{str(folder)!r} has no recipes; expected a folder with NAME/{RECIPE} in it")
    raise InputError(
        f"there are no recipes beside the package (looked in {str(beside)!r}): they come with EdgeTL's source, not "
        "with the installed package; get the source, or give its folder models with --folder"
    )


def zoo(folder: Path) -> tuple[ZooEntry, ...]:
    """Every recipe below a folder, by name.

    Raises:
        RecipeError: one is not valid.
        InputError: one's ``expected.json`` is not valid.
    """
    return tuple(_entry(path.parent) for path in sorted(folder.glob(f"*/{RECIPE}")))


def zoo_recipe(folder: Path, name: str) -> Path:
    """The recipe file of that name.

    Raises:
        InputError: there is none.
    """
    names = sorted(path.parent.name for path in folder.glob(f"*/{RECIPE}"))
    if name not in names:
        raise InputError(f"no recipe {name!r} in {str(folder)!r}; expected one of: {', '.join(names)}")
    return folder / name / RECIPE


def copy_recipe(recipe: Path, out: Path) -> tuple[Path, ...]:
    """Copy a recipe with all that lies beside it to a new folder; returns the files, in the order of their names.

    Raises:
        InputError: ``out`` exists and is not an empty folder, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{str(out)!r} exists and is not an empty folder; choose another one")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".edgetl-", dir=out.parent) as scratch:
            whole = Path(scratch) / "copy"
            shutil.copytree(recipe.parent, whole, ignore=shutil.ignore_patterns(*_STAYS))
            _bring_source(recipe, whole)
            whole.replace(out)
    except OSError as error:
        raise InputError(f"cannot write {str(out)!r} ({error.strerror}); choose another folder") from error
    return tuple(sorted(path for path in out.rglob("*") if path.is_file()))


def _bring_source(recipe: Path, whole: Path) -> None:
    """Recipes of one data set share its ``source.py``; a copy gets one of its own."""
    text = (whole / RECIPE).read_text(encoding="utf-8")
    shared = _SHARED.search(text)
    if shared is not None:
        shutil.copyfile(recipe.parent / shared["file"], whole / Path(shared["file"]).name)
        own = f'source = "{Path(shared["file"]).stem}:{shared["function"]}"'
        (whole / RECIPE).write_text(text.replace(shared[0], own), encoding="utf-8")


def _entry(folder: Path) -> ZooEntry:
    recipe = read_recipe(folder / RECIPE)
    card = _text(folder / CARD)
    title = _HEADING.search(card)
    licence = _LICENCE.search(card)
    return ZooEntry(
        name=folder.name,
        folder=str(folder),
        title=title[2].strip() if title else recipe.name,
        method=recipe.adapt.method,
        backbone=recipe.backbone.name,
        licence=_beginning(licence[1]) if licence else None,
        limits=_limits(card),
        test_accuracy_min=_expected(folder / EXPECTED),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read card {str(path)!r} ({error}); expected Markdown in UTF-8") from error


def _beginning(sentence: str) -> str:
    """The first words of a sentence, up to a colon or the end, without links."""
    return re.split(r"[:;.]\s|[:;.]$", _LINK.sub(r"\1", sentence), maxsplit=1)[0].strip()


def _limits(card: str) -> tuple[str, ...]:
    """The items of the section ``Limits``."""
    parts = _HEADING.split(card)
    sections = {title.strip().lower(): body for title, body in zip(parts[2::3], parts[3::3], strict=True)}
    lines = sections.get("limits", "").splitlines()
    return tuple(_LINK.sub(r"\1", line[2:].strip()) for line in lines if line.startswith(("- ", "* ")))


def _expected(path: Path) -> float | None:
    if not path.is_file():
        return None
    try:
        found: Any = msgspec.json.decode(path.read_bytes(), type=dict[str, Any]).get("test_accuracy_min")
        return None if found is None else float(found)
    except (OSError, msgspec.DecodeError, TypeError, ValueError) as error:
        raise InputError(f"cannot use {str(path)!r} ({error}); expected JSON with test_accuracy_min") from error
