"""A network that quantization harms, and its Q/DQ graphs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest
from hard_network import Hardness, hard_network
from hard_network import images as pictures

from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.plugins import RENDERINGS, find
from edgetl.tensors import Array


@dataclass(frozen=True)
class Subject:
    original: Path
    quantized: Path


Rendered = Callable[[str], Subject]


@pytest.fixture(scope="session")
def pupils() -> tuple[Array, ...]:
    return tuple(pictures(32))


@pytest.fixture(scope="session")
def strangers() -> tuple[Array, ...]:
    """Pictures that training never sees."""
    return tuple(pictures(16, seed=7))


@pytest.fixture(scope="session")
def rendered(pupils: tuple[Array, ...], tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """One block of channels unequal by 30, in every rendering."""
    folder = tmp_path_factory.mktemp("rendered")
    model = folder / "float.onnx"
    onnx.save(hard_network(Hardness(spread=30.0, outlier=3.0, blocks=1)), model)
    record = calibrate(model, pupils)

    def render(name: str) -> Subject:
        out = folder / f"{name}.onnx"
        if not out.exists():
            find(RENDERINGS, name, "rendering").render(model, record, out, RenderSettings(frozenset({"head"})))
        return Subject(model, out)

    return render
