"""Promises of ``benchmarks/peers/tools/edgetl_prepare.py``."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from peers.build import TOOLS
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
