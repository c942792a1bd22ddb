"""Random changes to training images, each decided by the seed, the epoch and the image's own place."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from edgetl.host.features import VIEWS
from edgetl.host.training.options import Augment
from edgetl.tensors import Array


def augmented(image: Array, augment: Augment, generator: np.random.Generator) -> Array:
    """One random version of an image, ``uint8 (h, w, 3)`` to the same.

    Views come first, then the crop, then brightness and contrast.

    References:
        Szegedy et al., "Going Deeper with Convolutions", CVPR 2015 (random crops by area).
    """
    image = VIEWS[augment.views[int(generator.integers(len(augment.views)))]](image)
    if augment.crop < 1:
        image = _cropped(image, augment.crop, generator)
    if augment.brightness or augment.contrast:
        image = _relit(image, augment, generator)
    return np.ascontiguousarray(image)


def _cropped(image: Array, least: float, generator: np.random.Generator) -> Array:
    height, width = image.shape[:2]
    side = math.sqrt(generator.uniform(least, 1.0))
    stretch = math.exp(generator.uniform(-0.1, 0.1))
    cut_height, cut_width = min(height, height * side * stretch), min(width, width * side / stretch)
    top, left = generator.uniform(0, height - cut_height), generator.uniform(0, width - cut_width)
    box = (left, top, left + cut_width, top + cut_height)
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=box))


def _relit(image: Array, augment: Augment, generator: np.random.Generator) -> Array:
    brightness = 1 + augment.brightness * generator.uniform(-1, 1)
    contrast = 1 + augment.contrast * generator.uniform(-1, 1)
    pixels = image.astype(np.float32)
    mean = pixels.mean()
    changed: Array = (mean + (pixels - mean) * contrast) * brightness + 0.5
    return np.clip(changed, 0, 255).astype(np.uint8)
