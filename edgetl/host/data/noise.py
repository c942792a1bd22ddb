"""Whether images are photographs at all: ranges that were taken from noise fit nothing that a camera sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from edgetl.errors import DataError
from edgetl.host.data.dataset import Sample
from edgetl.images import decode

LOOKED_AT = 32
ALIKE = 0.1
"""Correlation of neighbouring pixels below which an image counts as noise; photographs have 0.8 and more."""
NOISE_MAX = 0.75
"""Share of the images that are not of one colour which may be noise: a class may well be a surface without a grain."""
_DEVIATIONS = 2
"""Standard errors of the correlation that noise stays within; small images need more than :data:`ALIKE` for that."""
_PIXELS_MIN = 64
"""With fewer, pictures cannot be told from noise. Of 1,797 digits of 8 x 8 pixels and 10,000 clothes of 28 x 28
(Fashion-MNIST), also made as small as 8 x 8, none counts as noise; of noise of any size from 8 x 8 on, 88 % does."""


def refuse_noise(samples: Sequence[Sample]) -> None:
    """Refuse images that are mostly noise, or without a picture on any of them; 32 are looked at.

    Raises:
        DataError: more than three in four are noise (those of one colour aside), or there is nothing on any.
    """
    seen = [_content(sample) for sample in looked_at(samples)]
    pictures, noise = seen.count("picture"), seen.count("noise")
    if seen and (not pictures or noise > NOISE_MAX * (noise + pictures)):
        raise DataError(
            f"{len(seen) - pictures} of {len(seen)} images show nothing: neighbouring pixels have nothing to do with "
            "each other, or are all the same; expected images of the kind that the model is for, because random ones "
            "would give ranges of activations that fit no real image"
        )


def looked_at(samples: Sequence[Sample]) -> list[Sample]:
    """As many as are looked at, from everywhere: samples may be in the order of their classes."""
    count = min(LOOKED_AT, len(samples))
    return [samples[place * len(samples) // count] for place in range(count)]


def _content(sample: Sample) -> Literal["picture", "noise", "one colour"]:
    data = sample.image.read_bytes() if isinstance(sample.image, Path) else sample.image
    grey = np.asarray(decode(data).convert("L"), np.float64)
    if not np.ptp(grey):
        return "one colour"
    if grey.size < _PIXELS_MIN:
        return "picture"  # too small to tell
    alike = max(_correlation(grey[:, :-1], grey[:, 1:]), _correlation(grey[:-1], grey[1:]))
    return "picture" if alike > max(ALIKE, _DEVIATIONS / math.sqrt(grey.size)) else "noise"


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if not (one.std() and other.std()):
        return 0.0
    return abs(float(np.corrcoef(one.ravel(), other.ravel())[0, 1]))
