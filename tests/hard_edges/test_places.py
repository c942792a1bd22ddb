"""Disks that are full and folders that cannot be written to: the old file stays, nothing is left behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edgetl.bundle import Bundle
from edgetl.errors import EdgeTLError
from edgetl.files import filling, replacing, write_atomically, write_bytes

Command = Callable[..., Any]
NO_SPACE = "No space left on device"


def names(folder: Path) -> set[str]:
    """Everything below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def stream(target: Path, content: bytes) -> None:
    with replacing(target) as file:
        file.write(content)


def fill_beside(target: Path, content: bytes) -> None:
    write_atomically(target, lambda path: path.write_bytes(content))


@pytest.mark.parametrize("writer", [stream, fill_beside, write_bytes])
def test_full_disk_keeps_the_old_file_and_names_it(writer: Callable[[Path, bytes], None], small_disk: Path) -> None:
    target = small_disk / "old"
    before = target.read_bytes()
    with pytest.raises(OSError, match=NO_SPACE) as told:
        writer(target, b"y" * (64 << 10))
    assert told.value.filename == str(target)
    assert target.read_bytes() == before
    assert names(small_disk) == {"old"}


def test_full_disk_ends_a_result_with_exit_1_keeps_the_old_one_and_loses_no_measurement(
    command: Command, tiny_bundle: Path, small_disk: Path
) -> None:
    arguments = ("bench", tiny_bundle.parent / "fp32.onnx", "--runtime", "onnxruntime", "--threads", 1)
    done = command(*arguments, "--effort", "quick", "-o", small_disk / "old", "-q", "--json")
    assert done.code == 1
    assert f"cannot write {str(small_disk / 'old')!r} ({NO_SPACE}); the answer and" in done.told
    assert json.loads(done.out)["candidates"][0]["latency"]["samples_ns"]
    assert (small_disk / "old").read_bytes() == b"x" * (28 << 10)
    assert names(small_disk) == {"old"}


def test_full_disk_is_named_when_a_bundle_is_copied_to_it(tiny_bundle: Path, small_disk: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    with pytest.raises(OSError, match=NO_SPACE) as told:
        write_atomically(small_disk / "old", lambda path: shutil.copyfile(bundle.path, path))
    assert told.value.filename == str(small_disk / "old"), "not the file that was copied"
    assert (small_disk / "old").read_bytes() == b"x" * (28 << 10)
    assert names(small_disk) == {"old"}


def test_full_cache_ends_a_prediction_with_exit_1(
    command: Command, tiny_bundle: Path, photo: Path, small_disk: Path
) -> None:
    with (small_disk / "more").open("wb", buffering=0) as file:
        fill(file)
    done = command("predict", tiny_bundle, photo, "--cache", small_disk, "-q")
    assert done.code == 1
    assert f"({NO_SPACE}); choose a folder with space that can be written to (--cache" in done.told
    assert not [name for name in names(small_disk) if name.endswith((".tmp", ".onnx"))]


def test_full_disk_ends_unpacking_with_exit_1_and_an_empty_folder(
    command: Command, tiny_bundle: Path, small_disk: Path
) -> None:
    done = command("unpack", tiny_bundle, "-o", small_disk / "plain", "-q")
    assert done.code == 1
    assert NO_SPACE in done.told
    assert names(small_disk) == {"old"}


def test_full_disk_ends_a_preparation_with_exit_1(command: Command, recipe: Path, small_disk: Path) -> None:
    done = command("prepare", recipe, "-o", small_disk / "out.edgetl", "--cache", small_disk / "cache", "-q")
    assert done.code == 1
    assert NO_SPACE in done.told
    assert {Path(name).suffix for name in names(small_disk)} <= {""}


@pytest.mark.parametrize("name", ["empty", "new"])
def test_folder_is_filled_or_as_it_was(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EdgeTLError, match="it broke"):
        fill_half(tmp_path / name)
    assert names(tmp_path) == {"empty"}


def fill_half(folder: Path) -> None:
    with filling(folder):
        (folder / "file").write_text("half of it")
        raise EdgeTLError("it broke")


READ_ONLY = {
    "qualify": "qualify B -o X/r.json",
    "bench": "bench M -o X/r.json",
    "prepare": "prepare R -o X/o.edgetl",
    "deploy": "deploy R -o X/new/o.edgetl",
    "adapt": "adapt R -o X/adapted",
    "unpack": "unpack B -o X/plain",
    "cache of predict": "predict B P --cache X",
    "new cache of predict": "predict B P --cache X/new",
    "cache of prepare": "prepare R -o o.edgetl --cache X",
}


@pytest.mark.parametrize("kind", READ_ONLY)
def test_read_only_folder_is_told_before_any_work(
    kind: str,
    command: Command,
    tiny_bundle: Path,
    photo: Path,
    recipe: Path,
    read_only: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"B": tiny_bundle, "M": tiny_bundle.parent / "fp32.onnx", "P": photo, "R": recipe, "X": read_only}
    words = [str(places[word[0]]) + word[1:] if word[0] in places else word for word in READ_ONLY[kind].split()]
    done = command(*words)
    assert done.code == 2, done.err
    assert "not writable" in done.told or "cannot make folder" in done.told or "cannot keep a cache in" in done.told
    assert "done in" not in done.err


def test_spaces_and_letters_of_every_script_in_every_path(command: Command, tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Données d'été 日本 «x» 📁"
    folder.mkdir()
    bundle = folder / "mon modèle.edgetl"
    shutil.copy(tiny_bundle, bundle)
    Image.new("RGB", (8, 8), "white").save(folder / "ein Bild ß.png")
    cache, out = folder / "le cache", folder / ("漢" * 80)  # 240 bytes; a temporary name must not be longer
    done = command("predict", bundle, folder, "--json", "-q", "--cache", cache)
    assert (done.code, json.loads(done.out)[0]["label"]) == (0, "light")
    assert command("unpack", bundle, "-o", folder / "déballé").code == 0
    arguments = ("--effort", "quick", "--runtime", "onnxruntime", "--threads", 1, "--cache", cache)
    assert command("bench", bundle, *arguments, "-o", out, "-q").code == 0
    assert json.loads(out.read_text())["passed"]


@pytest.mark.slow
def test_prepare_with_spaces_and_letters_of_every_script(
    command: Command, photos: Path, recipe: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "Données d'été 日本 📁"
    shutil.copytree(photos, folder / "mes photos")
    (folder / "mes photos/flat").rename(folder / "mes photos/glatt & sauber ß")
    text = recipe.read_text().replace(str(photos), "mes photos")
    (folder / "recette é.toml").write_text(text)
    bundle = folder / "sortie ü/le modèle.edgetl"
    done = command("prepare", folder / "recette é.toml", "-o", bundle, "--cache", folder / "le cache", "-q")
    assert done.code == 0, done.err
    assert Bundle.open(bundle).manifest.classes == ("glatt & sauber ß", "striped")


def fill(file: object) -> None:
    """Write until nothing fits any more."""
    try:
        while True:
            file.write(b"x" * 512)
    except OSError:
        return
