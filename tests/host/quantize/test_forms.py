"""Layers as exporters write them: old opsets, biases of any shape, stacks of matrices, masks, other floats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.graph import read_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.coverage import coverage
from edgetl.host.quantize.rules.view import View
from edgetl.plugins import RENDERINGS, find
from edgetl.tensors import Array

ON_CPUS = ("x86-vnni", "x86", "arm")
ON_INTEGERS = (*ON_CPUS, "tensorrt")
IMAGE = (16, 8, 8)
RNG = np.random.default_rng(5)
KERNELS: Mapping[str, Array] = {
    "k1": RNG.normal(size=(16, 16, 3, 3)) / 12,
    "k2": RNG.normal(size=(16, 16, 3, 3)) / 12,
}
CONVOLUTIONS = (
    helper.make_node("Conv", ["x", "k1"], ["c1"], "c1", pads=[1, 1, 1, 1]),
    helper.make_node("Relu", ["c1"], ["r1"], "r1"),
    helper.make_node("Conv", ["r1", "k2"], ["c2"], "c2"),
)


def written(
    path: Path, nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Any], shape: Sequence[int], opset: int = 17
) -> Path:
    """From ``x (N, *shape)`` to what the last node makes."""
    tensors = [
        numpy_helper.from_array(array.astype(np.float32) if array.dtype == np.float64 else array, name)
        for name, array in ((name, np.asarray(value)) for name, value in constants.items())
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])
    y = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "own", [x], [y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def samples(shape: Sequence[int], count: int = 24) -> list[dict[str, Array]]:
    rng = np.random.default_rng(0)
    return [{"x": rng.normal(size=(1, *shape)).astype(np.float32)} for _ in range(count)]


def rendered(model: Path, rendering: str, feeds: list[dict[str, Array]]) -> Path:
    out = model.with_name(f"{rendering}.onnx")
    find(RENDERINGS, rendering, "rendering").render(model, calibrate(model, feeds), out, RenderSettings())
    return out


def sqnr_db(model: Path, made: Path, feeds: list[dict[str, Array]], runtime: str = "onnxruntime") -> float:
    ((wanted,), (got,)) = (tuple(collect(Engine(path, runtime), feeds, 1).values()) for path in (model, made))
    return float(10 * np.log10(np.square(wanted).sum() / np.square(wanted - got).sum()))


@pytest.mark.parametrize("opset", [11, 12, 13])
@pytest.mark.parametrize("rendering", ON_INTEGERS)
def test_convolutions_of_old_opsets(rendering: str, opset: int, tmp_path: Path) -> None:
    model = written(tmp_path / "float.onnx", CONVOLUTIONS, KERNELS, IMAGE, opset)

    made = rendered(model, rendering, samples(IMAGE))

    assert coverage(read_graph(made)).quantized == ("c1", "c2")
    assert sqnr_db(model, made, samples(IMAGE)) > 25


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 32), (32,)])
@pytest.mark.parametrize("rendering", ON_CPUS)
def test_a_gemm_whose_bias_has_any_shape_that_fits(rendering: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    constants = {
        "up": RNG.normal(size=(16, 32)) / 4,
        "up.bias": RNG.normal(size=shape),
        "down": RNG.normal(size=(16, 32)) / 6,
        "down.bias": RNG.normal(size=(1,)),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "up", "up.bias"], ["u"], "up", beta=0.5),
        helper.make_node("Relu", ["u"], ["a"], "relu"),
        helper.make_node("Gemm", ["a", "down", "down.bias"], ["d"], "down", transB=1),
    ]
    model = written(tmp_path / "float.onnx", nodes, constants, (16,))

    made = rendered(model, rendering, samples((16,)))

    assert coverage(read_graph(made)).quantized == ("up", "down")
    assert sqnr_db(model, made, samples((16,))) > 25


@pytest.mark.parametrize("rendering", ON_CPUS)
def test_a_product_with_a_stack_of_matrices_stays_in_float(rendering: str, tmp_path: Path) -> None:
    constants = {"stack": RNG.normal(size=(1, 16, 16)) / 4, "plain": RNG.normal(size=(16, 16)) / 4}
    nodes = [
        helper.make_node("MatMul", ["x", "stack"], ["s"], "stacked"),
        helper.make_node("MatMul", ["s", "plain"], ["p"], "plain"),
    ]
    model = written(tmp_path / "float.onnx", nodes, constants, (12, 16))

    made = rendered(model, rendering, samples((12, 16)))

    assert coverage(read_graph(made)).quantized == ("plain",)
    assert sqnr_db(model, made, samples((12, 16))) > 25


@pytest.mark.parametrize(("rendering", "runtime"), [("bf16", "openvino"), ("fp16", "onnxruntime")])
def test_in_16_bits_a_mask_of_the_lowest_float_stays_finite(rendering: str, runtime: str, tmp_path: Path) -> None:
    constants = {"w": RNG.normal(size=(16, 16)) / 4, "one": np.ones(1), "lowest": np.finfo(np.float32).min}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "product"),
        helper.make_node("Sigmoid", ["h"], ["soft"], "soft"),
        helper.make_node("Ceil", ["soft"], ["ones"], "ones"),
        helper.make_node("Sub", ["one", "ones"], ["hidden"], "hidden"),
        helper.make_node("Mul", ["hidden", "lowest"], ["mask"], "mask"),
        helper.make_node("Add", ["h", "mask"], ["masked"], "masked"),
        helper.make_node("Softmax", ["masked"], ["y"], "softmax"),
    ]
    model = written(tmp_path / "float.onnx", nodes, constants, (12, 16))

    made = rendered(model, rendering, samples((12, 16)))

    assert sqnr_db(model, made, samples((12, 16)), runtime) > 35


def test_in_fp16_what_keeps_a_division_from_zero_stays(tmp_path: Path) -> None:
    """A layer normalisation in single steps, as BERT has it: its epsilon is nothing in 16 bits."""
    constants = {"w": RNG.normal(size=(16, 16)) / 4, "epsilon": np.float32(1e-12)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "product"),
        helper.make_node("ReduceMean", ["h"], ["mean"], "mean", axes=[-1]),
        helper.make_node("Sub", ["h", "mean"], ["centred"], "centred"),
        helper.make_node("Mul", ["centred", "centred"], ["squares"], "squares"),
        helper.make_node("ReduceMean", ["squares"], ["variance"], "variance", axes=[-1]),
        helper.make_node("Add", ["variance", "epsilon"], ["above"], "above"),
        helper.make_node("Sqrt", ["above"], ["deviation"], "deviation"),
        helper.make_node("Div", ["centred", "deviation"], ["normal"], "normal"),
        helper.make_node("MatMul", ["normal", "w"], ["y"], "second"),
    ]
    model, feeds = written(tmp_path / "float.onnx", nodes, constants, (12, 16)), samples((12, 16))
    for feed in feeds:
        feed["x"][:, 3] = 0

    made = rendered(model, "fp16", feeds)

    assert np.isfinite(collect(Engine(made, "onnxruntime", "fp16"), feeds, 1)["y"]).all()
    assert View.of(read_graph(made)).constants["epsilon"].data_type == TensorProto.FLOAT


@pytest.mark.parametrize("bounds", [(0, 6), (-2, 2), (0.5, 3), (-4, -1), (1, None), (None, -1)])
@pytest.mark.parametrize("rendering", ON_INTEGERS)
def test_a_clip_to_what_is_without_zero_clips(
    rendering: str, bounds: tuple[float | None, float | None], tmp_path: Path
) -> None:
    constants = {"low": np.float32(bounds[0] or 0), "high": np.float32(bounds[1] or 0), **KERNELS}
    reads = ["c1", *(name if bound is not None else "" for name, bound in zip(("low", "high"), bounds, strict=True))]
    nodes = [CONVOLUTIONS[0], helper.make_node("Clip", reads, ["r1"], "clip"), CONVOLUTIONS[2]]
    model = written(tmp_path / "float.onnx", nodes, constants, IMAGE)

    made = rendered(model, rendering, samples(IMAGE))

    assert coverage(read_graph(made)).quantized == ("c1", "c2")
    assert sqnr_db(model, made, samples(IMAGE)) > 25


@pytest.mark.parametrize("weight", [0.0, 1e-12])
@pytest.mark.parametrize("rendering", ON_INTEGERS)
def test_channels_without_weights_keep_their_biases(rendering: str, weight: float, tmp_path: Path) -> None:
    """Pruned filters, and dead channels of a folded normalisation."""
    kernels = KERNELS["k1"] / 100
    kernels[::2] = weight
    constants = {**KERNELS, "k1": kernels, "b1": RNG.normal(size=16) * 0.3}
    nodes = [
        helper.make_node("Conv", ["x", "k1", "b1"], ["c1"], "c1", pads=[1, 1, 1, 1]),
        *CONVOLUTIONS[1:],
    ]
    model = written(tmp_path / "float.onnx", nodes, constants, IMAGE)
    feeds = [{"x": 100 * feed["x"]} for feed in samples(IMAGE)]

    made = rendered(model, rendering, feeds)

    assert sqnr_db(model, made, feeds) > 30


@pytest.mark.parametrize("rendering", ON_CPUS)
def test_outputs_of_a_product_without_weights_keep_their_biases(rendering: str, tmp_path: Path) -> None:
    weights = RNG.normal(size=(16, 16)) / 4
    weights[:, ::2] = 0
    constants = {"w": weights, "b": RNG.normal(size=16) * 0.3}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"], "product"),
        helper.make_node("Add", ["p", "b"], ["y"], "sum"),
    ]
    model, feeds = written(tmp_path / "float.onnx", nodes, constants, (12, 16)), samples((12, 16))
    feeds = [{"x": 100 * feed["x"]} for feed in feeds]

    made = rendered(model, rendering, feeds)

    wanted, got = (collect(Engine(path, "onnxruntime"), feeds, 1)["y"] for path in (model, made))
    np.testing.assert_allclose(got[..., ::2], wanted[..., ::2], atol=1e-4)


@pytest.mark.parametrize("shape", [(3, 3, 8, 8), (4, 3, 8, 8), (1, 8, 8)], ids=["three frames", "four", "grey"])
@pytest.mark.parametrize("rendering", ON_CPUS)
def test_normalisation_of_what_is_no_image_of_three_channels(
    rendering: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    channels = shape[1] if len(shape) == 4 else 3
    frames = shape[0] * channels if len(shape) == 4 else 3
    constants = {
        "mean": np.array([0.5, -1.0, 2.0]).reshape(3, 1, 1),
        "inverse": np.array([2.0, 0.5, 1.0]).reshape(3, 1, 1),
        "shape": np.int64([0, frames, 8, 8]),
        "w": RNG.normal(size=(16, frames, 3, 3)) / 6,
    }
    nodes = [
        helper.make_node("Sub", ["x", "mean"], ["centred"], "sub"),
        helper.make_node("Mul", ["centred", "inverse"], ["scaled"], "mul"),
        helper.make_node("Reshape", ["scaled", "shape"], ["image"], "reshape"),
        helper.make_node("Conv", ["image", "w"], ["y"], "conv"),
    ]
    model = written(tmp_path / "float.onnx", nodes, constants, shape)

    made = rendered(model, rendering, samples(shape))

    assert sqnr_db(model, made, samples(shape)) > 25


@pytest.mark.parametrize("is_shaped", [False, True])
@pytest.mark.parametrize("rendering", [*ON_INTEGERS, "fp16"])
def test_masks_of_minus_infinity_that_are_added_up_are_not_calibrated(
    rendering: str, is_shaped: bool, tmp_path: Path
) -> None:
    causal = np.triu(np.full((12, 12), -np.inf), 1).astype(np.float32)
    constants = {
        **{name: RNG.normal(size=(16, 16)) / 4 for name in ("q", "k", "v")},
        "causal": causal,
        "lowest": np.float32(-np.inf),
        "zero": np.float32(0),
        "limit": np.float32(2.5),
        "last": np.int64([0]),
        "axis": np.int64([1]),
    }
    nodes = [
        *(helper.make_node("MatMul", ["x", name], [f"{name}s"], name) for name in ("q", "k", "v")),
        helper.make_node("Transpose", ["ks"], ["turned"], "turn", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["qs", "turned"], ["scores"], "scores"),
        helper.make_node("Gather", ["x", "last"], ["firsts"], "firsts", axis=2),
        helper.make_node("Squeeze", ["firsts", "two"], ["flat"], "flat"),
        helper.make_node("Greater", ["flat", "limit"], ["is_padding"], "is_padding"),
        helper.make_node("Where", ["is_padding", "lowest", "zero"], ["padding"], "padding"),
        helper.make_node("Unsqueeze", ["padding", "axis"], ["wide"], "wide"),
        helper.make_node("Add", ["wide", "causal"], ["mask"], "mask"),
        helper.make_node("Add", ["scores", "mask"], ["masked"], "masked"),
        *([helper.make_node("Reshape", ["masked", "same"], ["before"], "before")] if is_shaped else []),
        helper.make_node("Softmax", ["before" if is_shaped else "masked"], ["shares"], "shares"),
        helper.make_node("MatMul", ["shares", "vs"], ["y"], "attended"),
    ]
    model = written(
        tmp_path / "float.onnx", nodes, {**constants, "two": np.int64([2]), "same": np.int64([0, 12, 12])}, (12, 16)
    )
    feeds = samples((12, 16))
    for feed in feeds:
        feed["x"][:, 0, 0] = 0  # the first token always counts, or a row has none

    made = rendered(model, rendering, feeds)

    assert sqnr_db(model, made, feeds) > 20


BETWEEN: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **dict.fromkeys(("Abs", "Elu", "LeakyRelu", "Neg"), ("c1", {})),
    **dict.fromkeys(("Max", "Min", "PRelu"), ("c1 few", {})),
    "DepthToSpace": ("c1", {"blocksize": 2}),
    "Expand": ("c1 wide", {}),
    "GlobalMaxPool": ("c1", {}),
    "Pad": ("c1 border few_of_all", {}),
}
"""What each reads, and its attributes."""


@pytest.mark.parametrize("kind", BETWEEN)
def test_in_fp16_nothing_between_two_layers_is_cast_back(kind: str, tmp_path: Path) -> None:
    """Also where calibration watches neither what an operator makes nor what the next one does."""
    reads, attributes = BETWEEN[kind]
    channels = 4 if kind == "DepthToSpace" else 16
    constants = {
        "k1": KERNELS["k1"],
        "last": RNG.normal(size=(4, channels, 1, 1)),
        "few": np.full((16, 1, 1), 0.25),
        "few_of_all": np.full((), 0.25),
        "wide": np.int64([1, 16, 8, 8]),
        "border": np.int64([0, 0, 1, 1, 0, 0, 1, 1]),
        "from": np.int64([0]),
        "to": np.int64([100]),
        "axis": np.int64([2]),
    }
    nodes = [
        helper.make_node("Conv", ["x", "k1"], ["c1"], "c1", pads=[1, 1, 1, 1]),
        helper.make_node(kind, reads.split(), ["between"], "between", **attributes),
        helper.make_node("Slice", ["between", "from", "to", "axis"], ["part"], "part"),
        helper.make_node("Conv", ["part", "last"], ["y"], "last"),
    ]
    model = written(tmp_path / "float.onnx", nodes, constants, IMAGE)

    made = rendered(model, "fp16", samples(IMAGE))

    assert [node.name for node in read_graph(made).graph.node if node.op_type == "Cast"] == ["cast_x_fp16", "cast_y"]
    assert sqnr_db(model, made, samples(IMAGE)) > 50


@pytest.mark.parametrize("rendering", [*ON_INTEGERS, "fp16", "bf16"])
def test_layers_in_float16_are_refused_in_words(rendering: str, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["half"], "in", to=TensorProto.FLOAT16),
        helper.make_node("Conv", ["half", "k1"], ["c1"], "c1"),
        helper.make_node("Cast", ["c1"], ["y"], "out", to=TensorProto.FLOAT),
    ]
    model = written(tmp_path / "float.onnx", nodes, {"k1": KERNELS["k1"].astype(np.float16)}, IMAGE)

    with pytest.raises(Unsupported, match=r"weights of float16, expected float \(float32\); export it in float32"):
        rendered(model, rendering, samples(IMAGE))
