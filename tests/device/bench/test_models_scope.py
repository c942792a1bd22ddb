"""What is timed of each inference: its scope, and how many items it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import onnx
import pytest
from onnx import TensorProto, helper

from edgetl.bundle import Bundle
from edgetl.device.bench.models import BenchSettings, bench_models
from edgetl.errors import InputError
from edgetl.measurement import Scope
from edgetl.scenario import Scenario, ScenarioKind


def write_fixed(path: Path, batch: int) -> Path:
    """A classifier whose batch is fixed."""
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "fixed",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 4])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("kind", get_args(ScenarioKind))
def test_a_batch_is_recorded_in_every_scenario(classifier: Path, settings: BenchSettings, kind: ScenarioKind) -> None:
    scenario = Scenario(kind, rate_hz=200.0 if kind in ("server", "periodic") else None)
    given = replace(settings, runtime="onnxruntime", batch=64, scenario=scenario)
    (candidate,) = bench_models((classifier,), given).candidates
    assert (candidate.batch, candidate.scope) == (64, "infer")
    assert candidate.throughput_per_s is not None


def test_bundles_take_a_batch_on_every_runtime(make_bundle: Callable[..., Bundle], settings: BenchSettings) -> None:
    result = bench_models((make_bundle(),), replace(settings, batch=5, layers=True))
    assert {candidate.runtime for candidate in result.candidates} == {"onnxruntime", "openvino"}
    assert all(one.batch == 5 and one.latency is not None for one in result.candidates)
    # operations of one sample, as the bundle tells them, times 5
    assert {one.roofline.operations for one in result.candidates if one.roofline is not None} == {5}


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_fixed_batch_that_is_not_the_one_asked_for_is_refused(
    tmp_path: Path, settings: BenchSettings, runtime: str
) -> None:
    fixed = write_fixed(tmp_path / "fixed.onnx", 8)
    with pytest.raises(
        InputError, match=r"'fixed\.onnx' cannot be timed with --batch 4: .*x: float32 \(8, 4\).*--batch 8"
    ):
        bench_models((fixed,), replace(settings, runtime=runtime, batch=4))
    (candidate,) = bench_models((fixed,), replace(settings, runtime=runtime, batch=8)).candidates
    assert candidate.batch == 8


def test_a_fixed_first_size_that_nobody_asked_for_is_told(
    tmp_path: Path, classifier: Path, settings: BenchSettings
) -> None:
    fixed = write_fixed(tmp_path / "fixed.onnx", 8)
    result = bench_models((fixed, classifier), settings)
    assert {candidate.batch for candidate in result.candidates} == {1}
    (remark,) = result.remarks
    assert "fixed.onnx takes x: float32 (8, 4)" in remark
    assert "give --batch 8" in remark


@pytest.mark.parametrize("kind", get_args(ScenarioKind))
def test_end_to_end_begins_with_an_encoded_image(
    make_bundle: Callable[..., Bundle], settings: BenchSettings, kind: ScenarioKind
) -> None:
    scenario = Scenario(kind, rate_hz=200.0 if kind in ("server", "periodic") else None)
    given = replace(settings, runtime="onnxruntime", scenario=scenario, scope="end-to-end")
    result = bench_models((make_bundle(),), given)
    for candidate in result.candidates:
        assert candidate.scope == "end-to-end"
        assert candidate.throughput_per_s
        assert {one.scope for one in (candidate.latency, candidate.service) if one is not None} <= {"end-to-end"}
        assert (candidate.latency is None) == (kind == "offline")


def test_end_to_end_takes_longer_than_inference_alone(
    make_bundle: Callable[..., Bundle], settings: BenchSettings
) -> None:
    bundle, given = make_bundle(), replace(settings, runtime="onnxruntime", batch=16)
    medians = {}
    for scope in get_args(Scope):
        candidate = bench_models((bundle,), replace(given, scope=scope)).candidates[0]
        assert candidate.latency is not None
        medians[scope] = candidate.latency.p50_ns or 0
    # 16 images are decoded: some hundred microseconds against ten
    assert medians["end-to-end"] > 3 * medians["infer"]


def test_end_to_end_has_no_fraction_of_a_roofline_that_is_of_inference(
    make_bundle: Callable[..., Bundle], settings: BenchSettings
) -> None:
    given = replace(settings, runtime="onnxruntime", scope="end-to-end", layers=True)
    roofline = bench_models((make_bundle(),), given).candidates[0].roofline
    assert roofline is not None
    assert roofline.limit_ns is not None
    assert roofline.fraction is None
    assert "inference alone is not known" in (roofline.reason or "")


def test_end_to_end_of_a_plain_file_is_refused(classifier: Path, settings: BenchSettings) -> None:
    with pytest.raises(InputError, match=r"'classifier\.onnx' is a plain ONNX file.*edgetl prepare --onnx"):
        bench_models((classifier,), replace(settings, scope="end-to-end"))


def test_end_to_end_of_a_bundle_without_image_files_is_refused(
    make_bundle: Callable[..., Bundle], settings: BenchSettings
) -> None:
    with pytest.raises(InputError, match=r"'cells\.edgetl' has no image files.*include_images = true"):
        bench_models((make_bundle(encoded=0),), replace(settings, scope="end-to-end"))
