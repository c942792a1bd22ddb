"""A hash of what a picture shows, near for pictures that look alike."""

from __future__ import annotations

import numpy as np
from PIL import Image

from edgetl.tensors import Array

_SIDE = 32
_KEPT = 8
_FLAT = 2.0
"""Grey levels of deviation below which a picture shows nothing that could be compared."""
_BASIS = np.cos(np.pi * np.outer(np.arange(1, _KEPT + 1), 2 * np.arange(_SIDE) + 1) / (2 * _SIDE))


def fingerprint(grey: Image.Image) -> int | None:
    """64 bits that scaling, re-encoding and brightness hardly alter; ``None`` for a picture without structure.

    Each bit says whether one of the 8 x 8 lowest frequencies of the cosine transform, without the constant ones, is
    above their median. Rotations, mirror images and crops change it altogether.

    Args:
        grey: of mode ``L``.

    References:
        C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", Upper Austria University of
        Applied Sciences, 2010, section 3.2.1 (DCT based hash, as in pHash).
    """
    pixels: Array = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float64)
    if pixels.std() < _FLAT:
        return None
    frequencies = _BASIS @ pixels @ _BASIS.T
    bits = np.packbits((frequencies > np.median(frequencies)).reshape(-1))
    return int.from_bytes(bits.tobytes(), "big")
