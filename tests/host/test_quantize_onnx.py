"""A user's own ONNX file quantized alone, and explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.artifact import sha256_of
from edgetl.bundle import Bundle
from edgetl.errors import DataError, Unsupported
from edgetl.host.prepare_onnx import OnnxRequest, prepare_onnx
from edgetl.host.quantize_onnx import quantize_onnx
from edgetl.host.request import PrepareRequest
from edgetl.host.user_onnx import InputFormat
from edgetl.progress import Silent
from edgetl.recipe import recipe_from_data
from edgetl.tensors import Array

PLAIN = InputFormat(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
TABLES: dict[str, Any] = {
    "name": "own",
    "backbone": {"name": "own.onnx"},
    "quantize": {"renderings": ["x86"], "calibration": 32},
    "gates": {"accuracy_drop_max": 0.2, "margin": 0.3},
}


def asked(data: Path, model: Path, expects: InputFormat = PLAIN, **tables: Any) -> OnnxRequest:
    """A request in the model's folder; keywords replace tables."""
    recipe = recipe_from_data(TABLES | {"data": {"source": str(data)}} | tables)
    folder = model.parent
    return OnnxRequest(PrepareRequest(recipe, folder, folder / "int8.onnx", folder / "cache", 1), model, expects)


@pytest.fixture
def words(
    tmp_path: Path, embedder: Callable[[Path], Path], sentences: Callable[..., tuple[dict[str, Array], ...]]
) -> OnnxRequest:
    """A model of tokens, and samples of two lengths."""
    (tmp_path / "samples").mkdir()
    for place, sample in enumerate(sentences(120)):
        np.savez(tmp_path / f"samples/{place:03d}.npz", **sample)  # type: ignore[arg-type]
    model, gates = embedder(tmp_path / "own.onnx"), {"output_error_max": 0.5}
    return asked(tmp_path / "samples", model, InputFormat(), task={"kind": "tensor"}, gates=gates)


def test_the_graph_is_the_one_that_a_bundle_would_have_and_is_explained(
    photos: Path, tmp_path: Path, detector: Callable[..., Path]
) -> None:
    request = asked(photos, detector(tmp_path / "own.onnx"))
    found = quantize_onnx(request, Silent(), explained=True)
    assert found.model == tmp_path / "int8.onnx"
    assert found.explanation is not None
    (convolution,) = [one for one in found.explanation.layers if one.op == "Conv"]
    assert convolution.precision == "int8"
    assert convolution.noise is not None

    prepare_onnx(replace(request, common=replace(request.common, out=tmp_path / "own.edgetl")), Silent())
    (int8,) = [one for one in Bundle.open(tmp_path / "own.edgetl").manifest.variants if one.name == "int8-x86"]
    assert int8.artifact.sha256 == sha256_of(found.model)


def test_a_graph_that_misses_a_gate_is_not_written_and_explained_all_the_same(
    photos: Path, tmp_path: Path, detector: Callable[..., Path]
) -> None:
    quantize = {"renderings": ["x86"], "calibration": 32, "budget_s": 0}
    request = asked(photos, detector(tmp_path / "own.onnx"), gates={"size_mb_max": 1e-4}, quantize=quantize)
    found = quantize_onnx(request, Silent(), explained=True)
    assert (found.model, found.ladder.passed) == (None, False)
    assert found.explanation is not None
    assert not request.common.out.exists()


def test_a_model_of_tokens_is_explained_on_samples_of_several_lengths(words: OnnxRequest) -> None:
    found = quantize_onnx(words, Silent(), explained=True)
    assert found.explanation is not None
    layers = {one.name: one for one in found.explanation.layers}
    assert {one.precision for name, one in layers.items() if name in ("MatMul_2", "MatMul_12", "MatMul_15")} == {"int8"}
    assert all(one.sqnr_db is not None and one.sqnr_db > 20 for one in layers.values() if one.precision == "int8")


def test_what_cannot_be_judged_without_labels_is_refused_with_the_reason(words: OnnxRequest) -> None:
    recipe = recipe_from_data(
        TABLES | {"data": {"source": str(words.model.parent / "samples")}, "task": {"kind": "tensor"}, "gates": {}}
    )
    with pytest.raises(Unsupported, match="quantized graphs could not be judged: 120 different samples are too few"):
        quantize_onnx(replace(words, common=replace(words.common, recipe=recipe)), Silent())


def test_only_integers_can_be_explained_which_is_told_before_any_work(
    tmp_path: Path, detector: Callable[..., Path]
) -> None:
    request = asked(tmp_path / "nowhere", detector(tmp_path / "own.onnx"), quantize={"renderings": ["bf16"]})
    with pytest.raises(Unsupported, match="leave out --explain"):
        quantize_onnx(request, Silent(), explained=True)
    with pytest.raises(DataError, match="does not exist"):
        quantize_onnx(request, Silent())
