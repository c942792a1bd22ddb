"""Networks that suites build."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import tomllib
from suite_models import BUILDS, built

from edgetl.host.graph import read_graph

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", BUILDS)
def test_network_is_one_of_timm_and_its_weights_come_with_the_demo(name: str) -> None:
    build = BUILDS[name]
    assert timm.is_model(build.network)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    packages = [requirement.partition(">")[0] for requirement in extras["demo"]]
    assert build.weights == "random" or build.weights.removeprefix("pip:") in packages


@pytest.mark.slow
def test_network_is_built_once_and_takes_images(tmp_path: Path) -> None:
    path = built("mobilenetv3-small", tmp_path)
    written = path.stat().st_mtime_ns
    assert path.name == "mobilenetv3-small.onnx"
    assert built("mobilenetv3-small", tmp_path) == path
    assert path.stat().st_mtime_ns == written
    (image,) = read_graph(path).graph.input
    sizes = [one.dim_value for one in image.type.tensor_type.shape.dim]
    assert sizes[1:] == [224, 224, 3]
