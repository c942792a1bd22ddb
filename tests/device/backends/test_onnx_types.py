"""Which floats a file computes in, told without the onnx package."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgetl.device.backends.onnx_types import float_types
from edgetl.device.backends.onnxruntime import BACKEND
from edgetl.errors import BackendError
from edgetl.runner import LoadOptions


def write(path: Path, inside: int | None = None, weights: type = np.float32, branch: bool = False) -> Path:
    """``y = x + w``; with ``inside``, in that type between two casts, or that type in a branch alone."""
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    if inside is not None:
        nodes = [
            helper.make_node("Cast", ["x"], ["small"], to=inside),
            helper.make_node("Add", ["small", "small"], ["sum"]),
            helper.make_node("Cast", ["sum"], ["y"], to=TensorProto.FLOAT),
        ]
    if branch:
        value = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])]
        nodes = [
            helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))),
            helper.make_node(
                "If",
                ["yes"],
                ["y"],
                then_branch=helper.make_graph(nodes, "then", [], value),
                else_branch=helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "else", [], value),
            ),
        ]
    graph = helper.make_graph(
        nodes,
        "sum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
        [numpy_helper.from_array(np.ones(2, weights), "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_types_are_those_of_inputs_weights_and_casts(tmp_path: Path) -> None:
    assert float_types(write(tmp_path / "a.onnx")) == {"fp32"}
    assert float_types(write(tmp_path / "b.onnx", TensorProto.BFLOAT16)) == {"fp32", "bf16"}
    assert float_types(write(tmp_path / "c.onnx", weights=np.float16)) == {"fp32", "fp16"}
    assert float_types(write(tmp_path / "d.onnx", TensorProto.FLOAT16, branch=True)) == {"fp32", "fp16"}


def test_a_graph_in_fp16_loads_as_such_and_no_other_reduced_float_does(tmp_path: Path) -> None:
    half = write(tmp_path / "half.onnx", TensorProto.FLOAT16)
    BACKEND.load(half, LoadOptions(threads=1, precision="fp16")).close()
    with pytest.raises(BackendError, match=r"nothing in 'half\.onnx' is bf16 \(it has: fp16, fp32\)"):
        BACKEND.load(half, LoadOptions(threads=1, precision="bf16"))


def test_a_precision_that_nobody_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="onnxruntime cannot compute in 'fp8'"):
        BACKEND.load(write(tmp_path / "a.onnx"), LoadOptions(threads=1, precision="fp8"))


def test_what_is_no_model_is_left_to_the_runtime_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"no model")
    with pytest.raises(BackendError, match="cannot load"):
        BACKEND.load(tmp_path / "damaged.onnx", LoadOptions(threads=1, precision="bf16"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80), st.integers(0, 200))
def test_damaged_files_are_refused_or_read_and_never_worse(tmp_path: Path, noise: bytes, keep: int) -> None:
    path = write(tmp_path / "model.onnx", TensorProto.FLOAT16)
    path.write_bytes(path.read_bytes()[:keep] + noise)
    with contextlib.suppress(ValueError):
        assert float_types(path) <= {"fp32", "fp16", "fp64", "bf16"}
