"""Random changes keep the size and the type, and are what the options say."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.host.training.augment import augmented
from edgetl.host.training.options import Augment, TrainingOptions


def picture(height: int = 20, width: int = 20) -> Any:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_nothing_is_changed_by_default_but_the_view() -> None:
    image = picture()
    seen = {augmented(image, Augment(), np.random.default_rng(seed)).tobytes() for seed in range(20)}
    assert seen == {image.tobytes(), image[:, ::-1].tobytes()}


@settings(max_examples=40, deadline=None)
@given(
    crop=st.floats(0.01, 1.0),
    brightness=st.floats(0, 0.9),
    contrast=st.floats(0, 0.9),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_any_options_give_an_image_of_the_same_size(
    crop: float, brightness: float, contrast: float, height: int, width: int, seed: int
) -> None:
    options = Augment(crop=crop, brightness=brightness, contrast=contrast)
    changed = augmented(picture(height, width), options, np.random.default_rng(seed))
    assert changed.shape == (height, width, 3)
    assert changed.dtype == np.uint8
    assert changed.flags.c_contiguous


def test_brightness_and_contrast_move_what_they_are_named_after() -> None:
    image = np.full((8, 8, 3), 100, np.uint8)
    image[:4] = 60
    brighter = [augmented(image, Augment(("identity",), brightness=0.5), np.random.default_rng(s)) for s in range(30)]
    assert min(i.mean() for i in brighter) < 65
    assert max(i.mean() for i in brighter) > 95
    sharper = [augmented(image, Augment(("identity",), contrast=0.5), np.random.default_rng(s)) for s in range(30)]
    assert all(abs(float(i.mean()) - 80) <= 1 for i in sharper)
    assert max(int(i.max()) - int(i.min()) for i in sharper) > 50


def test_a_crop_shows_a_part() -> None:
    ramp = np.repeat(np.linspace(0, 255, 32).astype(np.uint8)[None, :, None], 32, axis=0).repeat(3, axis=2)
    changed = augmented(ramp, Augment(("identity",), crop=0.2), np.random.default_rng(3))
    assert int(changed.max()) - int(changed.min()) < 250


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": {"crop": 0}}, "crop is the least area"),
        ({"augment": {"crop": 1.5}}, "crop is the least area"),
        ({"augment": {"brightness": 1.0}}, "brightness must be at least 0 and below 1"),
        ({"augment": {"mixup": -1}}, "mixup must be at least 0"),
        ({"epochs": 0}, "expected epochs >= 1"),
        ({"batch": 1}, "batch >= 2"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"warmup": 1.0}, "warmup must be at least 0 and below 1"),
        ({"ema": 1.0}, "ema must be at least 0 and below 1"),
        ({"pooling": ["std"]}, "pooling must contain 'mean'"),
        ({"patience": 0}, "patience >= 1"),
        ({"schedule": "sawtooth"}, "Invalid enum value 'sawtooth'"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(options, TrainingOptions)
