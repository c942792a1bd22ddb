"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, MIT licence) from Debian's package: part of it, chosen by place."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
from PIL import Image

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample

FOLDER = Path("/usr/share/datasets/fashion-mnist")
CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
COUNTS = {"train": 4000, "test": 2000}
"""The first of each file; more would only take longer."""


def load() -> Dataset:
    """Pictures of 28 x 28 pixels, in the splits of their authors.

    Raises:
        DataError: the package is not installed.
    """
    if not FOLDER.is_dir():
        raise DataError("Fashion-MNIST is not installed; run: apt-get install dataset-fashion-mnist")
    return Dataset(CLASSES, (*_samples("train", "train"), *_samples("t10k", "test")))


def _samples(file: str, split: str) -> list[Sample]:
    count = COUNTS[split]
    pixels = _bytes(f"{file}-images-idx3-ubyte.gz")[16:].reshape(-1, 28, 28)[:count]
    labels = _bytes(f"{file}-labels-idx1-ubyte.gz")[8:][:count]
    return [Sample(_png(image), int(label), split=split) for image, label in zip(pixels, labels, strict=True)]


def _bytes(name: str) -> np.ndarray:
    return np.frombuffer(gzip.decompress((FOLDER / name).read_bytes()), np.uint8)


def _png(image: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()
