"""Networks that treatments have something to do on."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from hard_network import Hardness, hard_network, images

from edgetl.tensors import Array


@pytest.fixture(scope="session")
def calibration() -> tuple[Array, ...]:
    return tuple(images(24))


@pytest.fixture(scope="session")
def held_back() -> tuple[Array, ...]:
    return tuple(images(12, seed=2))


@pytest.fixture(params=[False, True], ids=["relu", "relu6"])
def hard(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A network that quantization fails on, two blocks deep."""
    onnx.save(hard_network(Hardness(is_clipped=request.param, blocks=2)), tmp_path / "hard.onnx")
    return tmp_path / "hard.onnx"
