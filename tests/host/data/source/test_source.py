"""Promises of :mod:`edgetl.host.data.source`."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from edgetl.errors import DataError
from edgetl.host.data.source import open_source

FUNCTION = """
from pathlib import Path
from edgetl.host.data.dataset import Dataset, Sample
def load():
    return Dataset(("a", "b"), (Sample(Path("x.png"), 0), Sample(b"bytes", 1)))
"""


def folder(root: Path, files: dict[str, tuple[str, ...]]) -> Path:
    for name, images in files.items():
        for image in images:
            path = root / name / image
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (2, 2)).save(path, "PNG")
    return root


def function(base: Path, text: str, name: str = "source.py") -> Path:
    file = base / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return base


def test_classes_are_the_sorted_sub_folders(tmp_path: Path) -> None:
    folder(tmp_path / "photos", {"good": ("2.png", "1.JPG"), "bad": ("3.png",)})
    dataset = open_source("photos", tmp_path)
    assert dataset.classes == ("bad", "good")
    assert [(Path(s.name).name, s.label) for s in dataset.samples] == [("3.png", 0), ("1.JPG", 1), ("2.png", 1)]


def test_nested_images_count_and_hidden_files_and_other_files_do_not(tmp_path: Path) -> None:
    folder(tmp_path, {"a": ("deep/er/1.png", ".hidden.png", ".trash/2.png"), "b": ("1.png",), ".git": ("1.png",)})
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    (tmp_path / "readme.md").write_text("beside the classes")
    dataset = open_source(str(tmp_path), Path("/elsewhere"))
    assert dataset.classes == ("a", "b")
    assert [sample.name for sample in dataset.samples] == [str(tmp_path / "a/deep/er/1.png"), str(tmp_path / "b/1.png")]


def test_a_class_without_images_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, {"a": ("1.png",)})
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"class folder .*empty.* has no images"):
        open_source(".", tmp_path)


def test_tensors_beside_images_are_told_not_to_be_used(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png", "b/features.npz", "b/._3.npz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = open_source(str(tmp_path), tmp_path)
    assert [Path(str(one.image)).name for one in found.samples] == ["1.png", "2.png"]
    assert found.notes == (f"{tmp_path.name} has images, so its .npz files are not used",)


def test_folders_without_images_are_of_tensors(tmp_path: Path) -> None:
    for name in ("a/1.npz", "b/nested/2.npz", "b/readme.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    found = open_source(str(tmp_path), tmp_path)
    assert [(Path(str(one.image)).name, one.label) for one in found.samples] == [("1.npz", 0), ("2.npz", 1)]
    (tmp_path / "loose.npz").touch()
    with pytest.raises(DataError, match=r"has .npz files beside its class folders \('loose.npz'\)"):
        open_source(str(tmp_path), tmp_path)


def test_images_beside_the_class_folders_are_refused(tmp_path: Path) -> None:
    folder(tmp_path, {"a": ("1.png",), "b": ("1.png",), ".": ("loose.png",)})
    with pytest.raises(DataError, match=r"beside its class folders \('loose.png'\).*move them"):
        open_source(".", tmp_path)


@pytest.mark.parametrize("source", ["missing", r"C:\photos\cells", "D:/photos", "~nobody/photos"])
def test_a_missing_folder_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(DataError, match=r"does not exist .*one sub-folder per class"):
        open_source(source, tmp_path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("")
    with pytest.raises(DataError, match=r"'list.txt' is a file ending in '.txt', expected a folder .*\.csv"):
        open_source("list.txt", tmp_path)


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no class folders, expected at least two"):
        open_source(".", tmp_path)


def test_one_class_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, {"only": ("1.png",)})
    with pytest.raises(DataError, match=r"one class \('only'\), expected at least two"):
        open_source(".", tmp_path)


def test_a_function_is_looked_up_beside_the_recipe_first(tmp_path: Path) -> None:
    dataset = open_source("json:load", function(tmp_path, FUNCTION, "json.py"))
    assert dataset.classes == ("a", "b")
    assert dataset.samples[0].image == tmp_path / "x.png"
    assert dataset.samples[1].image == b"bytes"


def test_two_recipes_may_each_have_a_source_of_the_same_name(tmp_path: Path) -> None:
    function(tmp_path / "one", FUNCTION)
    function(tmp_path / "two", FUNCTION.replace('("a", "b")', '("c", "d")'))
    assert open_source("source:load", tmp_path / "one").classes == ("a", "b")
    assert open_source("source:load", tmp_path / "two").classes == ("c", "d")


def test_a_function_may_be_in_a_package(tmp_path: Path) -> None:
    assert open_source("my.source:load", function(tmp_path, FUNCTION, "my/source.py")).classes == ("a", "b")


def test_a_missing_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no '.*nowhere\.py' and no importable module 'nowhere'"):
        open_source("nowhere:load", tmp_path)


def test_a_missing_function_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'source' has no function 'lod'; it has: .*load"):
        open_source("source:lod", function(tmp_path, FUNCTION))


def test_a_missing_package_of_the_users_module_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs 'not_there', which is not installed"):
        open_source("source:load", function(tmp_path, "import not_there"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def load(:", "cannot be imported: SyntaxError"),
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
        ("def load():\n    raise KeyError('column')", "failed: KeyError: 'column'"),
        ("def load(path):\n    return 1", "failed: TypeError: .*takes no arguments"),
        ("def load():\n    return [1]", "returned list; a source function"),
        (FUNCTION.replace("Sample(b'bytes', 1)", "").replace(', Sample(b"bytes", 1)', ","), "no sample of class 'b'"),
        (FUNCTION.replace('b"bytes", 1', 'b"bytes", 2'), "has label 2, expected a number from 0 to 1"),
        (FUNCTION.replace('b"bytes", 1', 'b"bytes", "b"'), "has label 'b'"),
        (FUNCTION.replace('b"bytes", 1', '"x.png", 1'), "image of type str, expected a Path or bytes"),
        (FUNCTION.replace('b"bytes", 1', 'b"bytes", 1, split="val"'), "has split 'val', expected one of: train"),
        (FUNCTION.replace('b"bytes", 1', 'b"bytes", 1, split="train"'), "gives a split to 1 of 2 samples"),
        (FUNCTION.replace('b"bytes", 1', 'b"bytes", 1, weight=float("nan")'), "has weight nan"),
        (FUNCTION.replace('("a", "b")', '("a", "a")'), "at least two different names"),
        (FUNCTION.replace('Sample(b"bytes", 1)', "None"), "sample 1 is NoneType"),
    ],
)
def test_a_wrong_function_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source("source:load", function(tmp_path, text))
    assert "source" in str(caught.value) or "sample" in str(caught.value) or "image" in str(caught.value)


def test_the_users_exception_is_chained(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_source("source:load", function(tmp_path, "def load():\n    raise KeyError('column')"))
    assert isinstance(caught.value.__cause__, KeyError)
