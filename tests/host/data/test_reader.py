"""Promises of :mod:`edgetl.host.data.reader`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.errors import DataError
from edgetl.host.data import reader
from edgetl.host.data.dataset import Sample
from edgetl.host.data.reader import ImageReader
from edgetl.preprocess import Preprocess

PREPROCESS = Preprocess(4, 6)
BYTES = 4 * 6 * 3


def sample(folder: Path, value: int) -> Sample:
    path = folder / f"{value}.png"
    Image.new("L", (5, 5), value).save(path)
    return Sample(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_an_image_is_decoded_once(tmp_path: Path) -> None:
    images, one = ImageReader(PREPROCESS), sample(tmp_path, 7)
    first = images.read(one)
    Path(str(one.image)).unlink()
    assert images.read(one) is first
    with pytest.raises(DataError, match=r"7\.png"):
        ImageReader(PREPROCESS).read(one)


def test_what_is_kept_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        ImageReader(PREPROCESS).read(sample(tmp_path, 7))[0, 0, 0] = 1


def test_memory_has_a_limit_and_the_first_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "HELD_BYTES", 2 * BYTES + 1)
    images, samples = ImageReader(PREPROCESS), [sample(tmp_path, value) for value in range(4)]
    first = [images.read(one) for one in samples]
    again = [images.read(one) for one in samples]
    assert [new is old for new, old in zip(again, first, strict=True)] == [True, True, False, False]
    assert all(np.array_equal(new, old) for new, old in zip(again, first, strict=True))


def test_images_without_a_hash_are_not_taken_for_each_other(tmp_path: Path) -> None:
    images = ImageReader(PREPROCESS)
    values = [int(images.read(Sample(Path(str(sample(tmp_path, value).image))))[0, 0, 0]) for value in (1, 2)]
    assert values == [1, 2]
