"""What graphs end in, and whether anything can be learnt from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.tuning import Tuned, TuneSettings
from edgetl.host.quantize.tuning.tune import tune
from edgetl.plugins import RENDERINGS, find
from edgetl.tensors import Array

SHORT = TuneSettings(budget_s=60.0, steps=20, clock=lambda: 0.0)
KERNEL = np.random.default_rng(0).normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32)
HALF = {"half": np.float32(0.5)}
SIGMOID = helper.make_node("Sigmoid", ["c"], ["s"], "s")
GREATER = helper.make_node("Greater", ["s", "half"], ["g"], "g")
POOLED = [
    helper.make_node("Relu", ["c"], ["r"], "r"),
    helper.make_node("GlobalAveragePool", ["r"], ["p"], "p"),
    helper.make_node("Flatten", ["p"], ["f"], "f"),
]
MAP, FLOAT = ["n", 8, 8, 8], TensorProto.FLOAT


def weights(*shape: int) -> Array:
    return np.random.default_rng(2).normal(size=shape).astype(np.float32)


def trained(
    tail: Sequence[onnx.NodeProto],
    outputs: dict[str, tuple[int, list[object]]],
    folder: Path,
    constants: dict[str, Array] | None = None,
    steps: int = SHORT.steps,
) -> Tuned:
    """One convolution with this behind it, rendered and trained."""
    held = {"k": KERNEL, **(constants or {})}
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "k"], ["c"], "conv", pads=[1, 1, 1, 1]), *tail],
        "ends",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in held.items()],
    )
    model, quantized = folder / "float.onnx", folder / "quantized.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    pixels = np.random.default_rng(1).normal(size=(32, 1, 3, 8, 8)).astype(np.float32)
    feeds = [{"x": array} for array in pixels]
    find(RENDERINGS, "x86", "rendering").render(model, calibrate(model, feeds), quantized, RenderSettings())
    return tune(model, quantized, feeds, folder / "out.onnx", replace(SHORT, steps=steps))


def test_decisions_have_no_gradient_to_learn_by(tmp_path: Path) -> None:
    mask = helper.make_node("Cast", ["g"], ["mask"], "cast", to=FLOAT)
    with pytest.raises(Unsupported, match="by any gradient"):
        trained([SIGMOID, GREATER, mask], {"mask": (FLOAT, MAP)}, tmp_path, HALF)


def test_outputs_of_integers_alone_leave_nothing_to_learn(tmp_path: Path) -> None:
    mask = helper.make_node("Cast", ["g"], ["mask"], "cast", to=TensorProto.UINT8)
    with pytest.raises(Unsupported, match="no output of the graph is of floats"):
        trained([SIGMOID, GREATER, mask], {"mask": (TensorProto.UINT8, MAP)}, tmp_path, HALF)


def test_of_a_mask_beside_floats_the_floats_are_learnt_from(tmp_path: Path) -> None:
    mask = helper.make_node("Cast", ["g"], ["mask"], "cast", to=TensorProto.UINT8)
    outputs = {"s": (FLOAT, MAP), "mask": (TensorProto.UINT8, MAP)}
    found = trained([SIGMOID, GREATER, mask], outputs, tmp_path, HALF)
    assert found.steps == 20
    assert 0 < found.loss_after <= found.loss_before


def test_a_product_with_a_vector_is_no_head(tmp_path: Path) -> None:
    product = helper.make_node("MatMul", ["f", "w"], ["y"], "product")
    found = trained([*POOLED, product], {"y": (FLOAT, ["n"])}, tmp_path, {"w": weights(8)})
    assert found.steps == 20
    assert found.loss_after <= found.loss_before


def test_a_graph_that_puts_out_nan_is_not_trained(tmp_path: Path) -> None:
    # the mean of the first channel is so small that int8 rounds it to zero
    small = KERNEL.copy()
    small[0] = np.abs(small[0]) * 1e-6
    tail = [
        *POOLED,
        helper.make_node("Gather", ["f", "first"], ["f0"], "gather", axis=1),
        helper.make_node("Div", ["f0", "f0"], ["y"], "ratio"),
    ]
    outputs: dict[str, tuple[int, list[object]]] = {"y": (FLOAT, ["n", 1])}
    with pytest.raises(Unsupported, match="NaN or infinity for samples where the float graph does not"):
        trained(tail, outputs, tmp_path, {"k": small, "first": np.array([0], np.int64)})


def test_a_channel_that_int8_rounds_to_zero_does_not_end_training(tmp_path: Path) -> None:
    small = KERNEL.copy()
    small[3] *= 1e-4
    tail = [
        POOLED[0],
        helper.make_node("ReduceL2", ["r"], ["l"], "norm", axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["l", "w"], ["y"], "product"),
    ]
    found = trained(tail, {"y": (FLOAT, ["n", 4])}, tmp_path, {"k": small, "w": weights(8, 4)}, steps=200)
    assert found.steps == 200
    assert found.loss_after < found.loss_before


def test_a_root_without_gradient_does_not_end_training_either(tmp_path: Path) -> None:
    small = KERNEL.copy()
    small[3] *= 1e-4
    squares = helper.make_node("Mul", ["f", "f"], ["q"], "square")
    root = helper.make_node("Sqrt", ["q"], ["y"], "root")
    found = trained([*POOLED, squares, root], {"y": (FLOAT, ["n", 8])}, tmp_path, {"k": small})
    assert found.steps == 20
