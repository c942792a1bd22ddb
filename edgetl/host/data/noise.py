"""Whether images are photographs at all: ranges that were taken from noise fit nothing that a camera sees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgetl.errors import DataError
from edgetl.host.data.dataset import Sample
from edgetl.images import decode

LOOKED_AT = 32
ALIKE = 0.1
"""Correlation of neighbouring pixels below which an image counts as noise; photographs have 0.8 and more."""
_PIXELS_MIN = 1024


def refuse_noise(samples: Sequence[Sample]) -> None:
    """Refuse images without a picture on any of them; the first 32 are looked at.

    Raises:
        DataError: each is noise, or one colour throughout.
    """
    looked = samples[:LOOKED_AT]
    if looked and not any(_is_picture(sample) for sample in looked):
        raise DataError(
            f"none of {len(looked)} images shows anything: neighbouring pixels have nothing to do with each other, or "
            "are all the same; expected images of the kind that the model is for, because random ones would give "
            "ranges of activations that fit no real image"
        )


def _is_picture(sample: Sample) -> bool:
    data = sample.image.read_bytes() if isinstance(sample.image, Path) else sample.image
    grey = np.asarray(decode(data).convert("L"), np.float64)
    if grey.size < _PIXELS_MIN:
        return True  # too small to tell
    return max(_correlation(grey[:, :-1], grey[:, 1:]), _correlation(grey[:-1], grey[1:])) > ALIKE


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if not (one.std() and other.std()):
        return 0.0
    return abs(float(np.corrcoef(one.ravel(), other.ravel())[0, 1]))
