"""What each treatment gained is measured on images that nothing was calibrated on."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from gain import Subject, features, gains, signal_to_noise_db
from hard_network import Hardness, hard_network, images

from edgetl.errors import Unsupported
from edgetl.host.quantize import RenderSettings
from edgetl.plugins import RENDERINGS, TREATMENTS, find
from edgetl.tensors import Array

SETTINGS = RenderSettings(frozenset({"head"}))


@pytest.fixture(scope="module")
def held_back() -> tuple[Array, ...]:
    return tuple(images(12, seed=2))


@pytest.fixture(params=[False, True], ids=["relu", "relu6"])
def subject(request: pytest.FixtureRequest, held_back: tuple[Array, ...], tmp_path: Path) -> Subject:
    """A network that quantization fails on, two blocks deep."""
    onnx.save(hard_network(Hardness(is_clipped=request.param, blocks=2)), tmp_path / "hard.onnx")
    return Subject(tmp_path / "hard.onnx", tuple(images(24)), held_back)


def test_the_hard_network_computes_what_the_ordinary_one_does(held_back: tuple[Array, ...], tmp_path: Path) -> None:
    for name, hardness in (("easy", Hardness(spread=1.0, outlier=1.0)), ("hard", Hardness())):
        onnx.save(hard_network(hardness), tmp_path / name)
    subject = Subject(tmp_path / "easy", (), held_back)

    wanted, got = (features(tmp_path / name, subject) for name in ("easy", "hard"))

    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("rendering", ["x86-vnni", "x86", "tensorrt"])
def test_quantization_fails_on_it_until_it_is_equalised(rendering: str, subject: Subject) -> None:
    found = gains(subject, find(RENDERINGS, rendering, "rendering"), tuple(TREATMENTS), SETTINGS)

    assert [gain.treatment for gain in found] == list(TREATMENTS)
    told = {gain.treatment: gain for gain in found}
    assert told["fold-normalisation"].layers == ()
    assert told["fold-normalisation"].gained_db == 0
    assert told["equalise"].before_db is not None
    assert told["equalise"].before_db < 5
    assert told["equalise"].after_db is not None
    assert told["equalise"].after_db > 25
    assert told["equalise"].layers
    assert all(one.after_db == two.before_db for one, two in itertools.pairwise(found))
    assert found[-1].after_db is not None
    assert found[-1].after_db > 30
    assert all(gain.images == 12 and gain.reason is None for gain in found)


def test_without_images_to_judge_by_gains_are_refused(subject: Subject) -> None:
    with pytest.raises(Unsupported, match="not calibrated on, and there are none"):
        gains(replace(subject, held_back=()), find(RENDERINGS, "x86", "rendering"), (), SETTINGS)


def test_a_ratio_without_an_error_is_unknown() -> None:
    values = np.ones((2, 3), np.float32)

    assert signal_to_noise_db(values, values) is None
    assert signal_to_noise_db(values, values * np.float32(np.nan)) is None
    assert signal_to_noise_db(values, values * np.float32(0.9)) == pytest.approx(20, abs=1e-4)
