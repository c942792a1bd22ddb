"""Noise is refused as calibration data, and small, dark or plain pictures are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from edgetl.errors import DataError
from edgetl.host.data.dataset import Sample
from edgetl.host.data.noise import refuse_noise
from edgetl.tensors import Array


def samples_of(*images: Array) -> list[Sample]:
    encoded = []
    for pixels in images:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        encoded.append(Sample(buffer.getvalue()))
    return encoded


def noise(count: int, side: int) -> list[Sample]:
    return samples_of(*np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8))


def pictures(count: int, side: int) -> list[Sample]:
    """Four patches of colour, and the noise of a camera in the dark."""
    rng = np.random.default_rng(1)
    patches = rng.integers(0, 256, (count, 2, 2, 3)).repeat(side // 2, 1).repeat(side // 2, 2)
    return samples_of(*np.clip(patches + rng.normal(0, 30, patches.shape), 0, 255).astype(np.uint8))


def plain(count: int) -> list[Sample]:
    return samples_of(*(np.full((32, 32, 3), place, np.uint8) for place in range(count)))


@pytest.mark.parametrize("side", [8, 12, 16, 28, 64])
def test_noise_is_refused_however_small(side: int) -> None:
    with pytest.raises(DataError, match=r"\d+ of 32 images show nothing: neighbouring pixels"):
        refuse_noise(noise(100, side))


@pytest.mark.parametrize("side", [8, 12, 16, 28, 64])
def test_pictures_pass_however_small(side: int) -> None:
    refuse_noise(pictures(100, side))


def test_real_digits_of_8_x_8_pixels_pass_whichever_are_looked_at() -> None:
    digits = (load_digits().images * 15).astype(np.uint8)

    for start in range(0, len(digits) - 32, 32):
        refuse_noise(samples_of(*digits[start : start + 32]))


@pytest.mark.parametrize("shown", [1, 2, 6])
def test_a_few_pictures_do_not_let_noise_through(shown: int) -> None:
    with pytest.raises(DataError, match=f"{32 - shown} of 32 images show nothing"):
        refuse_noise([*pictures(shown, 32), *noise(32 - shown, 32)])


def test_a_class_without_a_grain_passes_beside_others_whatever_the_order() -> None:
    both = (noise(100, 32), pictures(100, 32))

    refuse_noise([*both[0], *both[1]])
    refuse_noise([*both[1], *both[0]])


def test_images_of_one_colour_pass_where_others_show_something() -> None:
    refuse_noise([*plain(30), *pictures(2, 32)])
    with pytest.raises(DataError, match="32 of 32 images show nothing"):
        refuse_noise(plain(32))
    with pytest.raises(DataError, match="31 of 32 images show nothing"):
        refuse_noise([*plain(20), *noise(11, 32), *pictures(1, 32)])


def test_images_too_small_to_tell_pass() -> None:
    refuse_noise(noise(32, 7))
