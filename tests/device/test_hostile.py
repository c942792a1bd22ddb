"""Bundles that are consistent in themselves, but whose graph is not what the manifest says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

import edgetl
from edgetl.bundle import Bundle
from edgetl.device import decided, measure
from edgetl.device.bench.plan import PLANS
from edgetl.device.qualify import Settings, qualify
from edgetl.device.unpack import unpack
from edgetl.errors import EdgeTLError
from edgetl.result import Cold
from edgetl.target import Target

Make = Callable[..., Bundle]
IMAGE = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 8, 8, 3])
FRAME = helper.make_tensor_value_info("frame", TensorProto.UINT8, ["N", 8, 8, 3])
CAST = helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT)
LOGITS = np.zeros((1, 3), np.float32)


def _output(dtype: int, *shape: str | int) -> ValueInfoProto:
    return helper.make_tensor_value_info("logits", dtype, list(shape))


def _constant(values: np.ndarray) -> NodeProto:
    return helper.make_node("Constant", [], ["logits"], value=numpy_helper.from_array(values))


GRAPHS: dict[str, tuple[list[NodeProto], list[ValueInfoProto], ValueInfoProto]] = {
    "no-input": ([_constant(LOGITS)], [], _output(TensorProto.FLOAT, 1, 3)),
    "other-input": (
        [
            helper.make_node("Cast", ["frame"], ["p"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["p"], ["logits"]),
        ],
        [FRAME],
        _output(TensorProto.FLOAT, "N", 192),
    ),
    "other-classes": ([CAST, helper.make_node("Flatten", ["pixels"], ["logits"])], [IMAGE], _output(1, "N", 192)),
    "scalar-output": ([CAST, helper.make_node("ReduceSum", ["pixels"], ["logits"], keepdims=0)], [IMAGE], _output(1)),
    "output-without-sample": ([CAST, _constant(LOGITS[0])], [IMAGE], _output(1, 3)),
    "empty-output": ([CAST, _constant(LOGITS[:0])], [IMAGE], _output(1, 0, 3)),
    "output-that-varies": (
        [helper.make_node("NonZero", ["image"], ["logits"])],
        [IMAGE],
        _output(TensorProto.INT64, 4, "k"),
    ),
}


@pytest.fixture(params=sorted(GRAPHS))
def spoil(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    nodes, inputs, output = GRAPHS[request.param]
    graph = helper.make_graph(nodes, "hostile", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return lambda path: onnx.save(model, path)


@pytest.fixture(params=["classify", "tensor"])
def hostile(request: pytest.FixtureRequest, make_bundle: Make, spoil: Callable[[Path], object]) -> Bundle:
    return make_bundle(spoil=spoil, labelled=request.param == "classify")


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_qualify_rejects_the_variant_with_a_reason(
    hostile: Bundle, runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = {"quick": replace(PLANS["quick"], warmup_s=0.0, window_s=0.002, min_s=0.01, min_blocks=2)}
    monkeypatch.setattr(measure, "PLANS", plans)
    monkeypatch.setattr(decided, "PLANS", plans)
    monkeypatch.setattr(measure, "measure_cold", lambda *_: Cold(1, 1, 1, None))
    result = qualify(hostile, Target("local", (runtime,), (1,)), Settings("quick", tmp_path / "cache", watch=None))
    assert all(c.rejected_because for c in result.candidates if c.variant == "fp32")


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_predict_answers_or_says_what_is_wrong(hostile: Bundle, runtime: str, tmp_path: Path) -> None:
    pixels: Any = np.full((8, 8, 3), 7, np.uint8)
    told: object = None
    with (
        contextlib.suppress(EdgeTLError),  # any other error fails the test
        edgetl.open(hostile.path, cache_dir=tmp_path / "cache", runtime=runtime, threads=1) as model,
    ):
        told = model.predict(pixels)
    assert told is None or isinstance(told, dict)


def test_unpack_writes_what_is_there(hostile: Bundle, tmp_path: Path) -> None:
    assert len(unpack(hostile.path, tmp_path / "plain")) == 6
