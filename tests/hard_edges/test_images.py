"""Images of every odd kind: each is read as documented, or refused with a reason and exit code 2."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgetl.images import decode

Command = Callable[..., Any]
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def white(mode: str, value: object, **options: object) -> Callable[[Path], object]:
    return lambda path: Image.new(mode, (8, 8), value).save(path, **options)


def animation(path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (WHITE, BLACK)]
    options = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)


def palette(path: Path) -> None:
    image = Image.new("P", (8, 8))
    image.putpalette([*WHITE, *([0] * 765)])
    image.save(path, transparency=0)


def grey16(path: Path) -> None:
    Image.fromarray(np.full((8, 8), 65535, np.uint16)).save(path)


def with_huge_exif(path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * 60_000
    Image.new("RGB", (8, 8), WHITE).save(path, exif=exif)


LIGHT: dict[str, tuple[str, Callable[[Path], object]]] = {
    "16-bit grey": ("a.png", grey16),
    "CMYK JPEG": ("a.jpg", white("CMYK", (0, 0, 0, 0))),
    "palette with transparency": ("a.png", palette),
    "RGBA": ("a.png", white("RGBA", (255, 255, 255, 0))),
    "grey with alpha": ("a.png", white("LA", (255, 0))),
    "1-bit": ("a.png", white("1", 1)),
    "animated GIF, first frame": ("a.gif", animation),
    "animated WebP, first frame": ("a.webp", animation),
    "1x1": ("a.png", lambda path: Image.new("RGB", (1, 1), WHITE).save(path)),
    "20,000 pixels wide": ("a.png", lambda path: Image.new("L", (20_000, 20), 255).save(path)),
    "JPEG that ends in .png": ("a.png", lambda path: Image.new("RGB", (8, 8), WHITE).save(path, "JPEG")),
    "ending of another kind of file": ("a.txt", lambda path: Image.new("RGB", (8, 8), WHITE).save(path, "PNG")),
    "huge EXIF": ("a.jpg", with_huge_exif),
    "huge damaged ICC profile": ("a.png", white("RGB", WHITE, icc_profile=b"\0" * 200_000)),
    "name with spaces and letters of many scripts": ("ein großes 日本 📷.png", white("RGB", WHITE)),
    "name of 255 bytes": ("x" * 251 + ".png", white("RGB", WHITE)),
    "name that looks like an option": ("-v.png", white("RGB", WHITE)),
}


@pytest.mark.parametrize("kind", LIGHT)
def test_image_is_read(kind: str, command: Command, tiny_bundle: Path, tmp_path: Path) -> None:
    name, make = LIGHT[kind]
    make(tmp_path / name)
    done = command("predict", tiny_bundle, tmp_path / name, "--json", "-q")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)[0]["label"] == "light"


def half_a_jpeg(path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "decompression bomb": (
        "a.png",
        lambda path: Image.new("1", (20_000, 10_000)).save(path),
        "200000000 pixels) exceeds limit",
    ),
    "truncated JPEG": ("a.jpg", half_a_jpeg, "image file is truncated"),
    "zero bytes": ("a.png", lambda path: path.write_bytes(b""), "(it is none)"),
    "text": ("a.png", lambda path: path.write_text("hello"), "(it is none); expected PNG, JPEG"),
    "floating point": ("a.tif", white("F", 0.5), "pixels are floating point, whose range is unknown"),
    "32-bit grey": ("a.tif", white("I", 70_000), "pixels range from 70000 to 70000, expected 0 to 65535"),
    "vector graphic": ("a.svg", lambda path: path.write_text("<svg/>"), "(it is none)"),
    "FIFO": ("pipe", os.mkfifo, "is neither a file nor a folder"),
    "device": ("zero", lambda path: path.symlink_to("/dev/zero"), "is neither a file nor a folder"),
    "dangling link": ("a.png", lambda path: path.symlink_to("nowhere.png"), "no file or folder"),
    "link to itself": ("a.png", lambda path: path.symlink_to("a.png"), "no file or folder"),
    "folder without images": ("folder.png", Path.mkdir, "no image in folder"),
    "name that is too long": ("x" * 300, lambda path: None, "no file or folder"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_image_is_refused_with_the_reason(kind: str, command: Command, tiny_bundle: Path, tmp_path: Path) -> None:
    name, make, words = REFUSED[kind]
    make(tmp_path / name)
    done = command("predict", tiny_bundle, tmp_path / name, "-q")
    assert done.code == 2
    assert words in done.told
    assert "0x" not in done.told, "an address in memory tells a user nothing"
    assert done.out == ""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_that_was_turned_by_the_camera_is_upright(orientation: int, tmp_path: Path) -> None:
    upright = np.array([[10, 60, 110], [160, 210, 250]], np.uint8)
    turns = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turns[orientation](upright))).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(np.asarray(decode(tmp_path / "a.png")), upright)


def test_loops_of_links_in_a_folder_end(command: Command, tiny_bundle: Path, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), WHITE).save(tmp_path / "a.png")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.png").symlink_to("self.png")
    done = command("predict", tiny_bundle, tmp_path, "--json", "-q")
    assert done.code == 0
    assert [Path(one["input"]).name for one in json.loads(done.out)] == ["a.png"]


def test_name_that_is_not_utf8_is_answered_and_comes_back_from_json(
    command: Command, tiny_bundle: Path, tmp_path: Path
) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")
    Image.new("RGB", (8, 8), WHITE).save(name)
    done = command("predict", tiny_bundle, name, "--json", "-q")
    assert done.code == 0
    assert json.loads(done.out)[0]["input"] == name
