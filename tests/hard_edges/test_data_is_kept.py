"""No output replaces the user's own data: exit code 2 before any work, and every byte as it was."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
FLAGS = "--backbone timm/test_efficientnet --weights random"
REPLACED = "is an input, which the output would replace; choose another -o"
FOREIGN = "bytes that is no bundle, which the output would replace; choose another -o"
KEPT: dict[str, tuple[str, str]] = {
    "image in the data folder": (f"prepare --data photos {FLAGS} -o photos/flat/000.png", FOREIGN),
    "image in the data folder of deploy": (f"deploy --data photos {FLAGS} -o photos/flat/000.png", FOREIGN),
    "table": (f"prepare --data m.csv {FLAGS} -o m.csv", FOREIGN),
    "COCO file": (f"prepare --data coco.json {FLAGS} -o coco.json", FOREIGN),
    "archive": (f"prepare --data photos.zip {FLAGS} -o photos.zip", FOREIGN),
    "table of a recipe": ("prepare recipe.toml -o m.csv", FOREIGN),
    "listed image": ("prepare recipe.toml -o photos/flat/000.png", FOREIGN),
    "some other file": ("prepare recipe.toml -o notes.txt", FOREIGN),
    "bundle of parts": ("pack recipe.toml fp32.onnx -o notes.txt", FOREIGN),
    "images of an ONNX file": ("prepare --onnx fp32.onnx --data photos -o photos/flat/000.png", FOREIGN),
    "table as the result": (f"deploy --data m.result.json {FLAGS} -o m.edgetl", REPLACED),
    "listed image as the report": ("deploy odd.toml -o odd.edgetl", REPLACED),
    "file in the data folder as the report": (
        f"deploy --data photos {FLAGS} -o a.edgetl --report photos/notes.md",
        REPLACED,
    ),
    "table as a graph": ("quantize recipe.toml fp32.onnx -o m.csv", REPLACED),
    "listed image as a graph": ("quantize recipe.toml fp32.onnx -o photos/flat/000.png", REPLACED),
    "link to an image as a graph": ("quantize recipe.toml fp32.onnx -o link.png", REPLACED),
    "function as a graph": ("quantize function.toml fp32.onnx -o source.py", REPLACED),
}
RECIPE = 'name = "a"\n[data]\nsource = "{source}"\n[backbone]\nname = "timm/test_efficientnet"\nweights = "random"\n'


@pytest.fixture
def place(photos: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set in every form."""
    folder = tmp_path / "here"
    shutil.copytree(photos, folder / "photos")
    monkeypatch.chdir(folder)
    images = sorted(path.relative_to(folder) for path in folder.rglob("*.png"))
    rows = [f"{path},{path.parent.name}" for path in images]
    Path("m.csv").write_text("\n".join(["path,label", *rows]))
    shutil.copy(images[0], "odd.report.md")
    Path("odd.csv").write_text("\n".join(["path,label", "odd.report.md,flat", *rows[1:]]))
    Path("coco.json").write_text(coco(images))
    shutil.copy("coco.json", "m.result.json")
    with zipfile.ZipFile("photos.zip", "w") as archive:
        for path in images:
            archive.write(path)
    for name, source in (("recipe", "m.csv"), ("odd", "odd.csv"), ("function", "source:load")):
        Path(f"{name}.toml").write_text(RECIPE.format(source=source))
    Path("source.py").write_text("def load():\n    raise AssertionError\n")
    Path("link.png").symlink_to(images[0])
    shutil.copy(tiny_bundle.parent / "fp32.onnx", "fp32.onnx")
    for name in ("notes.txt", "photos/notes.md"):
        Path(name).write_text("mine")
    return folder


def coco(images: list[Path]) -> str:
    """The images as a COCO file."""
    kinds = sorted({path.parent.name for path in images})
    return json.dumps(
        {
            "images": [{"id": i, "file_name": str(path)} for i, path in enumerate(images)],
            "annotations": [
                {"image_id": i, "category_id": kinds.index(path.parent.name)} for i, path in enumerate(images)
            ],
            "categories": [{"id": i, "name": name} for i, name in enumerate(kinds)],
        }
    )


@pytest.mark.parametrize("kind", KEPT)
def test_data_is_not_replaced(kind: str, command: Command, place: Path) -> None:
    line, said = KEPT[kind]
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    done = command(*line.split())
    assert done.code == 2, done.err
    assert said in done.told
    assert "audit" not in done.err, "nothing was computed"
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_bundle_may_be_replaced_in_the_data_folder_too(command: Command, place: Path, tiny_bundle: Path) -> None:
    shutil.copy(tiny_bundle, place / "photos/again.edgetl")
    Path("empty").touch()
    for out in ("photos/again.edgetl", "photos/new.edgetl", "empty"):
        done = command("prepare", "--data", "photos", "--backbone", "timm/no_such_backbone", "-o", out)
        assert "no_such_backbone" in done.told, done.err
