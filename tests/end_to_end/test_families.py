"""Every family of backbones from photos to predictions in both runtimes; plumbing, with random weights.

A family is one test, because its deployment takes a minute and two processes would each make their own.

What is required: 90 % on three textures of different colours. Random features keep them apart, so a sound pipeline
reaches about 100 %; one that mixes up pixels, channels, stages or scales falls towards a third, which is chance.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import families
import numpy as np
import onnx
import pytest
import torch
from families import FAMILIES, INT8, Deployment

import edgetl
from edgetl.device import measure
from edgetl.device.bench.timing import Clock
from edgetl.host.backbones import HEAD, trunk
from edgetl.host.graph import head_nodes, read_graph, weights_of
from edgetl.result import Cold

RUNTIMES = {"onnxruntime", "openvino"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the deployments of all families and their caches are."""
    folder = tmp_path_factory.mktemp("families")
    families.textures(folder / "photos")
    return folder


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_deployed(
    name: str, folder: Path, hasty: Clock, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    recipe = families.recipe_of(name, folder / "photos", "linear-probe")
    # nothing is started in processes of its own
    monkeypatch.setattr(measure, "measure_cold", lambda *_: Cold(1, 1, 1, None))
    deployment = families.deployed(recipe, folder, hasty)
    for promise in PROMISES:
        with subtests.test(promise.__name__):
            promise(deployment, folder)


def model(deployment: Deployment, variant: str, folder: Path) -> onnx.ModelProto:
    return read_graph(deployment.bundle.model(variant, folder / "cache/models"))


def features_are_what_the_networks_own_classifier_takes(deployment: Deployment, folder: Path) -> None:
    backbone = deployment.backbone
    shape = (2, backbone.preprocess.height, backbone.preprocess.width, 3)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    network: Any = backbone.module
    cut = trunk(backbone, (HEAD,))
    pixels = (images.permute(0, 3, 1, 2) / 255 - torch.tensor(backbone.mean).reshape(1, 3, 1, 1)) / torch.tensor(
        backbone.std
    ).reshape(1, 3, 1, 1)
    with torch.inference_mode():
        features = cut(images)
        expected = network(pixels)  # of random weights: up to millions, so that rounding is judged against the largest
        largest = float(expected.abs().max())
        torch.testing.assert_close(network.get_classifier()(features), expected, atol=1e-4 * (1 + largest), rtol=1e-3)
    assert features.shape == (2, backbone.features)


def float_graph_computes_what_torch_computes_in_both_runtimes(deployment: Deployment, folder: Path) -> None:
    float_checks = deployment.bundle.manifest.evaluations[0].checks
    assert any(check.name.startswith("parity with torch") for check in float_checks)
    assert all(check.passed for check in float_checks)
    candidates = [one for one in deployment.result.candidates if one.variant == "fp32" and one.precision == "fp32"]
    assert {one.runtime for one in candidates} == RUNTIMES
    assert all(check.passed for one in candidates for check in one.checks if check.name.startswith("parity of"))


def only_a_cast_reads_the_image(deployment: Deployment, folder: Path) -> None:
    graph = model(deployment, "fp32", folder).graph
    assert [node.op_type for node in graph.node if "image" in node.input] == ["Cast"]


def every_layer_with_weights_but_the_head_is_quantized(deployment: Deployment, folder: Path) -> None:
    found = deployment.quantized
    print(f"{deployment.recipe.name}: {len(found.quantized)} quantized, {len(found.in_float)} in float")  # noqa: T201
    graph = model(deployment, "fp32", folder)
    constants, head = weights_of(graph).keys(), head_nodes(graph)
    weighted = {
        node.name
        for node in graph.graph.node
        if node.op_type in ("Conv", "Gemm", "MatMul") and constants & set(node.input[:2])
    }
    assert set(found.quantized) == weighted - head


def int8_candidates_of_both_runtimes_agree_or_are_rejected_with_the_reason(
    deployment: Deployment, folder: Path
) -> None:
    candidates = [one for one in deployment.result.candidates if one.variant == INT8]
    assert {one.runtime for one in candidates} == RUNTIMES
    assert any(one.checks for one in candidates), "none was run"
    for one in candidates:
        parity = [check for check in one.checks if check.name.startswith("parity of")]
        assert parity or one.rejected_because
        assert all(check.passed for check in parity) or "parity" in (one.rejected_because or "")


def the_selected_candidate_predicts_the_photos(deployment: Deployment, folder: Path) -> None:
    assert deployment.result.selected is not None
    photos = sorted((folder / "photos").glob("*/*.png"))
    path = folder / f"{deployment.recipe.name}.edgetl"
    with edgetl.open(path, result=deployment.result, cache_dir=folder / "cache") as opened:
        right = [opened.predict(photo).label == photo.parent.name for photo in photos]
    assert len(right) == 3 * families.PER_CLASS
    assert statistics.fmean(right) >= families.ACCURACY_MIN


PROMISES = (
    features_are_what_the_networks_own_classifier_takes,
    float_graph_computes_what_torch_computes_in_both_runtimes,
    only_a_cast_reads_the_image,
    every_layer_with_weights_but_the_head_is_quantized,
    int8_candidates_of_both_runtimes_agree_or_are_rejected_with_the_reason,
    the_selected_candidate_predicts_the_photos,
)
