"""Promises of ``benchmarks/peers/tools/edgetl_prepare.py``."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from peers.build import TOOLS
from peers.cases import CASES
from PIL import Image


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    # tools are run by their path, beside what they share
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("edgetl_prepare")


def test_sample_of_an_image_is_written_as_a_picture(tool: ModuleType, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 4, 5, 3), dtype=np.uint8)
    tool.write_sample(tmp_path / "0000", {"image": image})
    assert np.array_equal(np.asarray(Image.open(tmp_path / "0000.png")), image[0])


def test_sample_of_other_inputs_is_written_as_their_arrays(tool: ModuleType, tmp_path: Path) -> None:
    feeds = {"input_ids": np.arange(4)[None], "attention_mask": np.ones((1, 4), np.int64)}
    tool.write_sample(tmp_path / "0000", feeds)
    with np.load(tmp_path / "0000.npz") as found:
        assert {name: found[name].tolist() for name in found.files} == {k: v.tolist() for k, v in feeds.items()}


def test_labelled_sentences_are_divided_as_other_tools_get_them(tool: ModuleType, tmp_path: Path) -> None:
    ids = np.arange(120).reshape(30, 4)
    arrays = {f"{split}/ids": ids + place for split, place in (("calibration", 0), ("validation", 500))}
    labels = {f"{split}-labels": np.arange(30) % 2 for split in ("calibration", "validation")}
    np.savez(tmp_path / "calibration.npz", **arrays, **labels)
    task = tool.Task(tmp_path / "model.onnx", tmp_path / "calibration.npz", tmp_path / "out", {})
    recipe = tool.with_labels(CASES["minilm-l6"].read("minilm-l6"), task)
    assert recipe.task.kind == "classify"
    folders = {
        path.parent.relative_to(recipe.data.source).as_posix() for path in Path(recipe.data.source).rglob("*.npz")
    }
    assert folders == {f"{part}/{label:04d}" for part in ("train", "validation", "test") for label in (0, 1)}
    counts = {
        part: len(list(Path(recipe.data.source, part).rglob("*.npz"))) for part in ("train", "validation", "test")
    }
    assert counts == {"train": 30, "validation": 26, "test": 4}
    with np.load(Path(recipe.data.source) / "validation/0001/00003.npz") as found:
        assert found["ids"].tolist() == [[512, 513, 514, 515]]
