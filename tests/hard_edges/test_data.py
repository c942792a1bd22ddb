"""Data sets that would spoil training or its numbers: exit code 2, before any training."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Spoil = Callable[[Path], object]


def image(folder: Path, name: str = "000.png") -> Path:
    return folder / "flat" / name


def twice(first: str, second: str) -> Spoil:
    """Two classes of these names, with images of their own."""

    def spoil(folder: Path) -> None:
        (folder / "flat").rename(folder / first)
        (folder / "striped").rename(folder / second)

    return spoil


def source(text: str) -> Spoil:
    """A function beside the recipe in the place of the folder."""
    return lambda folder: (folder.parent / "source.py").write_text(
        f"from pathlib import Path\nfrom edgetl.host.data.dataset import Dataset, Sample\n"
        f"FLAT = sorted(Path({str(folder)!r}, 'flat').glob('*.png'))\n"
        f"STRIPED = sorted(Path({str(folder)!r}, 'striped').glob('*.png'))\n"
        f"def load():\n    {text}\n"
    )


SPOILT: dict[str, tuple[Spoil, str]] = {
    "one class": (lambda folder: shutil.rmtree(folder / "flat"), "one class ('striped'), expected at least two"),
    "class without images": (lambda folder: (folder / "empty").mkdir(), "has no images"),
    "image beside the classes": (
        lambda folder: shutil.copy(image(folder), folder),
        "has images beside its class folders ('000.png')",
    ),
    "too few images": (
        lambda folder: [path.unlink() for path in sorted((folder / "flat").iterdir())[3:]],
        "too few readable images in class 'flat' (3), expected at least 10 in each",
    ),
    "one picture under two labels": (
        lambda folder: shutil.copy(image(folder), folder / "striped"),
        "1 image has two labels; keep one of each",
    ),
    "zero bytes": (lambda folder: image(folder, "zero.png").touch(), "1 image cannot be read; repair or remove them"),
    "text as image": (
        lambda folder: image(folder, "text.png").write_text("hello"),
        "not an image of a format that Pillow reads",
    ),
    "classes that look the same": (
        twice("caf\u00e9", "cafe\u0301"),
        "look the same and differ only in how Unicode spells them",
    ),
    "class that is not UTF-8": (
        twice("flat", os.fsdecode(b"stri\xffped")),
        "must be one line of printable UTF-8 text; rename it",
    ),
    "class of two lines": (twice("flat", "stri\nped"), "must be one line of printable UTF-8 text"),
    "class missing in train": (
        source(
            "return Dataset(('a', 'b'), tuple(Sample(p, 0, split='train') for p in FLAT[:40]) + tuple("
            "Sample(p, 0, split='test') for p in FLAT[40:]) + tuple(Sample(p, 1, split='test') for p in STRIPED))"
        ),
        "split 'train' would have no sample of 'b'",
    ),
    "picture in two splits": (
        source(
            "return Dataset(('a', 'b'), tuple(Sample(p, i, split=s) for i, ps in enumerate((FLAT, STRIPED)) "
            "for s in ('train', 'test') for p in ps))"
        ),
        "linked by the same content",
    ),
    "pipe as image": (
        source(
            "import os; os.mkfifo(FLAT[0].parent / 'pipe'); return Dataset(('a', 'b'), (*(Sample(p, 0) for p in "
            "(*FLAT, FLAT[0].parent / 'pipe')), *(Sample(p, 1) for p in STRIPED)))"
        ),
        "cannot be opened (not a regular file)",
    ),
    "device as image": (
        source(
            "return Dataset(('a', 'b'), (*(Sample(p, 0) for p in (*FLAT, Path('/dev/zero'))), *(Sample(p, 1) for p "
            "in STRIPED)))"
        ),
        "/dev/zero: cannot be opened (not a regular file)",
    ),
    "file that has gone": (
        source("return Dataset(('a', 'b'), (Sample(Path('gone.png'), 0), *(Sample(p, 1) for p in STRIPED)))"),
        "cannot be opened (No such file or directory)",
    ),
    "function that fails": (source("1 / 0"), "failed: ZeroDivisionError: division by zero"),
    "function that returns nothing": (source("pass"), "returned NoneType; a source function takes no arguments"),
}


@pytest.fixture
def own_photos(photos: Path, tmp_path: Path) -> Path:
    """Photos that a test may spoil."""
    shutil.copytree(photos, tmp_path / "photos")
    return tmp_path / "photos"


@pytest.mark.parametrize("kind", SPOILT)
def test_data_set_is_refused(kind: str, command: Command, recipe: Path, photos: Path, own_photos: Path) -> None:
    spoil, said = SPOILT[kind]
    spoil(own_photos)
    where = "source:load" if (own_photos.parent / "source.py").exists() else "photos"
    recipe.write_text(recipe.read_text().replace(str(photos), where))
    done = command("prepare", recipe, "-o", recipe.with_name("out.edgetl"), "-q")
    assert done.code == 2, done.err
    assert said in done.told


@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["", "quiet"])
def test_classes_that_differ_in_case_are_told(
    quiet: tuple[str, ...], command: Command, recipe: Path, photos: Path, own_photos: Path
) -> None:
    twice("Part", "part")(own_photos)
    (own_photos / "other").mkdir()  # an error that ends the command after the names have been looked at
    for path in sorted((own_photos / "part").iterdir())[:2]:
        shutil.copy(path, own_photos / "other")
    recipe.write_text(recipe.read_text().replace(str(photos), "photos"))
    done = command("prepare", recipe, "-o", recipe.with_name("out.edgetl"), *quiet)
    assert ("audit ... done" in done.err) == (not quiet)
    assert "classes 'Part' and 'part' differ only in case; if they are one, merge them" in done.err
    assert "too few readable images in class 'other'" in done.told


def test_odd_links_in_a_data_folder_neither_hang_nor_count(
    command: Command, recipe: Path, photos: Path, own_photos: Path
) -> None:
    (own_photos / "flat/loop").symlink_to(own_photos, target_is_directory=True)
    (own_photos / "flat/self.png").symlink_to("self.png")
    (own_photos / "flat/gone.png").symlink_to("nowhere")
    (own_photos / "flat/zero.png").symlink_to("/dev/zero")
    os.mkfifo(own_photos / "flat/pipe.png")
    text = recipe.read_text().replace(str(photos), "photos").replace("[backbone]", "min_per_class = 61\n[backbone]")
    recipe.write_text(text)
    done = command("prepare", recipe, "-o", recipe.with_name("out.edgetl"), "-q")
    assert done.code == 2
    assert "'flat' (60), 'striped' (60), expected at least 61" in done.told


def test_loss_that_is_no_number_ends_the_training(command: Command, recipe: Path) -> None:
    text = recipe.read_text()
    head, _, rest = text.partition("[adapt]")
    gates = rest[rest.index("[quantize]") :]
    recipe.write_text(f'{head}[adapt]\nmethod = "scratch"\nepochs = 3\nlearning_rate = 1e30\n{gates}')
    done = command("prepare", recipe, "-o", recipe.with_name("out.edgetl"), "-q")
    assert done.code == 1
    assert "learning_rate" in done.told
    assert not recipe.with_name("out.edgetl").exists()
