"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, MIT licence) from Debian's package: part of it, chosen by place."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
from PIL import Image

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample, SplitName

FOLDER = Path("/usr/share/datasets/fashion-mnist")
CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
COUNTS: dict[SplitName, int] = {"train": 4000, "test": 2000}
"""The first of each file; more would only take longer."""


def load(folder: Path = FOLDER) -> Dataset:
    """Pictures of 28 x 28 pixels, in the splits of their authors.

    Raises:
        DataError: the package is not installed.
    """
    if not folder.is_dir():
        raise DataError("Fashion-MNIST is not installed; run: apt-get install dataset-fashion-mnist")
    return Dataset(CLASSES, (*_samples(folder, "train", "train"), *_samples(folder, "t10k", "test")))


def _samples(folder: Path, file: str, split: SplitName) -> list[Sample]:
    count = COUNTS[split]
    pixels = _bytes(folder / f"{file}-images-idx3-ubyte.gz")[16:].reshape(-1, 28, 28)[:count]
    labels = _bytes(folder / f"{file}-labels-idx1-ubyte.gz")[8:][:count]
    return [Sample(_png(image), int(label), split=split) for image, label in zip(pixels, labels, strict=True)]


def _bytes(path: Path) -> np.ndarray:
    """What is in an IDX file, header and all."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)


def _png(image: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()
