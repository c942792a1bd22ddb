"""``unpack``: what a program in another language needs, as plain files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import onnx
import pytest

from edgetl.bundle import Bundle
from edgetl.device.unpack import unpack
from edgetl.errors import BundleError, InputError

MakeBundle = Callable[..., Bundle]


@pytest.fixture
def bundle(make_bundle: MakeBundle) -> Bundle:
    return make_bundle()


def test_all_parts_are_written(bundle: Bundle, tmp_path: Path) -> None:
    written = unpack(bundle.path, tmp_path / "out")
    assert [path.name for path in written] == [
        "card.md",
        "fp32.onnx",
        "int8-x86-vnni.onnx",
        "labels.txt",
        "manifest.json",
        "preprocess.json",
    ]
    assert sorted((tmp_path / "out").iterdir()) == list(written)
    assert (tmp_path / "out" / "labels.txt").read_text("utf-8").splitlines() == list(bundle.manifest.classes)
    onnx.checker.check_model(onnx.load(tmp_path / "out" / "fp32.onnx"))


def test_preprocessing_is_told_in_numbers_and_words(bundle: Bundle, tmp_path: Path) -> None:
    unpack(bundle.path, tmp_path / "out")
    document = msgspec.json.decode((tmp_path / "out" / "preprocess.json").read_bytes())
    image = document["image"]
    assert (image["height"], image["width"], image["order"]) == (8, 8, "RGB")
    assert (image["dtype"], image["layout"]) == ("uint8", "NHWC")
    assert "in the graph" in image["normalisation"]
    assert "bicubic" in image["resize"]
    assert document["inputs"] == [{"name": "image", "dtype": "uint8", "shape": [None, 8, 8, 3]}]


def test_one_variant_can_be_chosen(bundle: Bundle, tmp_path: Path) -> None:
    unpack(bundle.path, tmp_path / "out", "fp32")
    assert [path.name for path in (tmp_path / "out").glob("*.onnx")] == ["fp32.onnx"]


def test_an_unknown_variant_is_refused_before_anything_is_written(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no variant 'x'"):
        unpack(bundle.path, tmp_path / "out", "x")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_empty_is_left_alone(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        unpack(bundle.path, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_file_in_the_way_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write to folder"):
        unpack(bundle.path, bundle.path)


def test_the_manifest_is_the_one_of_the_bundle(bundle: Bundle, tmp_path: Path) -> None:
    unpack(bundle.path, tmp_path / "out")
    assert (tmp_path / "out" / "manifest.json").read_bytes() == bundle.read("manifest.json")
