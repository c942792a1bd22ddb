"""A user's own ONNX file and images without labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from edgetl.bundle import Bundle, Manifest
from edgetl.errors import DataError
from edgetl.host.prepare import Prepared
from edgetl.host.prepare_onnx import OnnxRequest, prepare_onnx
from edgetl.host.request import PrepareRequest
from edgetl.host.user_onnx import InputFormat
from edgetl.progress import Silent
from edgetl.recipe import recipe_from_data
from edgetl.report.ladder import ladders_from

PLAIN = InputFormat(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
RequestOf = Callable[..., OnnxRequest]
LOOSE = {"changed_max": 0.05, "margin": 0.1}


@pytest.fixture
def request_for(detector: Callable[..., Path]) -> RequestOf:
    """Makes requests with the detector of stripes, but no labels."""

    def make(images: Path, folder: Path, gates: dict[str, float], **quantize: Any) -> OnnxRequest:
        recipe = recipe_from_data(
            {
                "name": "own",
                "data": {"source": str(images)},
                "task": {"kind": "tensor"},
                "backbone": {"name": "stripes.onnx"},
                "quantize": {"calibration": 32, "budget_s": 0, **quantize},
                "gates": gates,
            }
        )
        common = PrepareRequest(recipe, images, folder / "own.edgetl", folder / "cache", threads=1)
        return OnnxRequest(common, detector(folder / "stripes.onnx"), PLAIN)

    return make


def prepared(asked: OnnxRequest) -> tuple[Prepared, Manifest]:
    done = prepare_onnx(asked, Silent())
    return done, Bundle.open(asked.common.out).manifest


def with_second_output(model: Path) -> None:
    """A map of where the stripes are, beside the scores."""
    graph = onnx.load(model)
    graph.graph.node.append(helper.make_node("Conv", ["positive", "sum"], ["map"], "mapping"))
    weight = np.full((1, 8, 1, 1), 0.125, np.float32)
    graph.graph.initializer.append(numpy_helper.from_array(weight, "sum"))
    graph.graph.output.append(helper.make_tensor_value_info("map", TensorProto.FLOAT, ["batch", 1, 48, 48]))
    onnx.save(graph, model)


def with_features(model: Path) -> None:
    """The input of the last layer as a second output, so that every layer is the last before one."""
    graph = onnx.load(model)
    graph.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["batch", 8]))
    onnx.save(graph, model)


def test_int8_is_judged_by_the_decisions_that_change(photos: Path, tmp_path: Path, request_for: RequestOf) -> None:
    done, manifest = prepared(request_for(photos, tmp_path, LOOSE))
    assert done.remarks == ()
    assert [variant.name for variant in manifest.variants] == ["fp32", "int8-x86-vnni"]
    (check,) = [check for check in manifest.evaluations[1].checks if check.name == "changed decisions"]
    assert check.passed
    assert check.n == 88
    assert check.limit == 0.05
    decisions = manifest.evaluations[1].decisions
    assert decisions is not None
    assert decisions.flips is not None
    assert decisions.flips.rate.n == 88
    assert manifest.evaluations[1].selection is None


def test_what_calibrates_does_not_judge(photos: Path, tmp_path: Path, request_for: RequestOf) -> None:
    _, manifest = prepared(request_for(photos, tmp_path, LOOSE))
    assert manifest.provenance.calibration is not None
    assert manifest.provenance.calibration.n == 32
    assert manifest.golden.n == 88


def test_too_few_images_pack_the_float_model_and_tell_how_many_are_needed(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    done, manifest = prepared(request_for(photos, tmp_path, {}))
    assert [variant.name for variant in manifest.variants] == ["fp32"]
    (remark,) = done.remarks
    assert "120 different images are too few: 32 to calibrate and 88 to judge by" in remark
    assert "expected at least 16 and 149 even if nothing changes; give 224 or more" in remark


def test_several_outputs_are_judged_by_their_error_or_not_quantized(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    asked = request_for(photos, tmp_path, LOOSE)
    with_second_output(asked.model)
    done, manifest = prepared(asked)
    assert [variant.name for variant in manifest.variants] == ["fp32"]
    assert "expected one output with one score per class; to judge" in done.remarks[0]
    assert "--output-error-max" in done.remarks[0]

    asked = request_for(photos, tmp_path, {"output_error_max": 0.3})
    with_second_output(asked.model)
    done, manifest = prepared(asked)
    assert done.remarks == ()
    (check,) = [check for check in manifest.evaluations[1].checks if check.name == "output error"]
    assert check.passed
    assert "95 % bound" in check.reason
    decisions = manifest.evaluations[1].decisions
    assert decisions is not None
    assert decisions.flips is None, "the largest entry of a map decides nothing"
    assert max(output.relative or 0.0 for output in decisions.outputs) == check.value
    (ladder,) = ladders_from(manifest.provenance.notes)
    assert ladder.attempts[0].check == check


def test_an_error_above_the_limit_keeps_int8_out_of_the_bundle(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    _, manifest = prepared(request_for(photos, tmp_path, {"output_error_max": 1e-6}))
    assert [variant.name for variant in manifest.variants] == ["fp32"]
    assert not manifest.evaluations[1].checks[-1].passed


def test_a_model_with_no_layer_to_quantize_is_packed_in_float(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    asked = request_for(photos, tmp_path, {"output_error_max": 0.3})
    with_features(asked.model)
    done, manifest = prepared(asked)
    assert [variant.name for variant in manifest.variants] == ["fp32"]
    assert "only the float model is packed" in done.remarks[0]
    assert "every one is to stay in float" in done.remarks[0]


def test_scores_that_never_decide_otherwise_are_no_scores(photos: Path, tmp_path: Path, request_for: RequestOf) -> None:
    done, _ = prepared(request_for(photos / "striped", tmp_path, LOOSE))
    assert "the largest entry of the output is the same one for all 40 samples" in done.remarks[0]


@pytest.mark.parametrize("kind", ["noise", "constant"])
def test_images_that_show_nothing_are_refused(tmp_path: Path, kind: str, request_for: RequestOf) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for place in range(60):
        pixels = rng.integers(0, 256, (48, 48, 3)) if kind == "noise" else np.full((48, 48, 3), 4 * place)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "images" / f"{place}.png")
    with pytest.raises(DataError, match="20 of 20 images show nothing"):
        prepare_onnx(request_for(tmp_path / "images", tmp_path, LOOSE), Silent())


def test_without_renderings_noise_does_no_harm(photos: Path, tmp_path: Path, request_for: RequestOf) -> None:
    done, manifest = prepared(request_for(photos, tmp_path, {}, renderings=[]))
    assert done.remarks == ()
    assert manifest.golden.n == 120
