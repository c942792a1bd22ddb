"""Promises of :mod:`edgetl.host.data.stream` and :mod:`edgetl.host.data.parallel`."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.errors import DataError
from edgetl.host.data.dataset import Sample
from edgetl.host.data.parallel import ordered_map
from edgetl.host.data.stream import stream
from edgetl.preprocess import Preprocess

PREPROCESS = Preprocess(4, 6)


def samples(n: int) -> tuple[Sample, ...]:
    made = []
    for value in range(n):
        buffer = io.BytesIO()
        Image.new("L", (5, 5), value).save(buffer, "PNG")
        made.append(Sample(buffer.getvalue(), 0))
    return tuple(made)


@pytest.mark.parametrize("threads", [1, 3])
def test_images_come_in_order_as_the_model_takes_them(threads: int) -> None:
    images = list(stream(samples(50), PREPROCESS, threads=threads, window=4))
    assert [image[0, 0, 0] for image in images] == list(range(50))
    assert all(image.shape == (4, 6, 3) and image.dtype == np.uint8 for image in images)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_unreadable_image_is_named(tmp_path: Path, threads: int) -> None:
    with pytest.raises(DataError, match=r"gone\.png"):
        list(stream((*samples(3), Sample(tmp_path / "gone.png", 0)), PREPROCESS, threads=threads))


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_than_the_window_is_begun_ahead(threads: int) -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def note(item: int) -> int:
        with lock:
            begun.append(item)
        return item

    for taken, item in enumerate(ordered_map(note, range(100), threads, window=5), start=1):
        assert item == taken - 1
        with lock:
            assert len(begun) <= taken + 5


def test_work_not_begun_is_dropped_when_the_reader_stops() -> None:
    begun: list[int] = []
    iterator = ordered_map(lambda item: begun.append(item), range(1000), 2, window=4)
    next(iterator)
    iterator.close()  # type: ignore[attr-defined]
    assert len(begun) <= 5
