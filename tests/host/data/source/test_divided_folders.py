"""Promises of folders that are divided already."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetl.errors import DataError
from edgetl.host.data.source import open_source


def tree(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not looked at yet")
    return root


FULL = ("train/a/1.png", "train/b/2.png", "val/a/3.png", "val/b/4.png", "test/a/5.png", "test/b/6.png")


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val"])
def test_the_splits_of_the_folders_are_kept_and_it_is_said(tmp_path: Path, name: str) -> None:
    dataset = open_source(".", tree(tmp_path, *(file.replace("val/", f"{name}/") for file in FULL)))
    assert dataset.classes == ("a", "b")
    found = {(sample.image.name, sample.label, sample.split) for sample in dataset.samples}  # type: ignore[union-attr]
    assert found == {
        ("1.png", 0, "train"),
        ("2.png", 1, "train"),
        ("3.png", 0, "validation"),
        ("4.png", 1, "validation"),
        ("5.png", 0, "test"),
        ("6.png", 1, "test"),
    }
    assert "is divided already" in dataset.notes[0]


def test_train_and_test_alone_are_splits_too(tmp_path: Path) -> None:
    dataset = open_source(".", tree(tmp_path, *(file for file in FULL if "val" not in file)))
    assert {sample.split for sample in dataset.samples} == {"train", "test"}


def test_classes_may_be_called_train_and_test(tmp_path: Path) -> None:
    dataset = open_source(".", tree(tmp_path, "train/1.png", "test/2.png", "bus/3.png"))
    assert dataset.classes == ("bus", "test", "train")
    assert {sample.split for sample in dataset.samples} == {None}


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("train/c/1.png", "class folder 'c' is only in 'train', not in both 'train' and 'test'"),
        ("test/c/1.png", "class folder 'c' is only in 'test'"),
        ("test/loose.png", r"images beside the class folders of 'test' \('loose.png'\)"),
        ("docs/1.png", "has folder 'docs' beside the splits test, train, val"),
        ("valid/a/1.png", "two folders for split 'validation'"),
    ],
)
def test_wrong_splits_are_refused(tmp_path: Path, extra: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source(".", tree(tmp_path, *FULL, extra))


def test_a_split_with_one_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"/test' has one class \('a'\)"):
        open_source(".", tree(tmp_path, *FULL[:5]))
