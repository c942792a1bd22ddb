"""Which layers TensorRT computes faster in int8, and which branch of a sum is the main one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.arm import RENDERING as ARM
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.coverage import coverage
from edgetl.host.quantize.placement import better_on_cpus_in_float, residual_sums, thin_for_tensorrt
from edgetl.host.quantize.qdq import QdqRendering
from edgetl.host.quantize.x86 import RENDERING as X86
from edgetl.host.quantize.x86_vnni import RENDERING as X86_VNNI


def graph_of(nodes: list[onnx.NodeProto], weights: dict[str, tuple[int, ...]], channels: int = 16) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights.items()]
    image = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", channels, 8, 8])
    out = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)
    return helper.make_model(
        helper.make_graph(nodes, "g", [image], [out], tensors), opset_imports=[helper.make_opsetid("", 17)]
    )


@dataclass(frozen=True)
class Shape:
    """A convolution behind another layer, and whether TensorRT leaves it in float."""

    out: int
    inside: int
    kernel: tuple[int, int]
    groups: int
    is_left: bool


@pytest.mark.parametrize(
    "case",
    [
        Shape(16, 16, (3, 3), 1, False),
        Shape(32, 64, (1, 1), 1, False),
        Shape(8, 16, (1, 1), 1, False),  # one side is wide, one a multiple of 8, the kernel square
        Shape(8, 16, (1, 3), 1, True),
        Shape(9, 15, (3, 3), 1, True),
        Shape(8, 8, (3, 3), 1, True),
        Shape(16, 1, (3, 3), 16, False),
        Shape(16, 1, (1, 1), 16, True),
        Shape(12, 1, (3, 3), 12, True),
    ],
    ids=str,
)
def test_thin_convolutions_are_left_in_float(case: Shape) -> None:
    channels = case.inside * case.groups
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["y"], "first"),
        helper.make_node("Conv", ["y", "w1"], ["out"], "second", group=case.groups),
    ]
    weights = {"w0": (channels, 16, 1, 1), "w1": (case.out, case.inside, *case.kernel)}

    assert ("second" in thin_for_tensorrt(graph_of(nodes, weights))) == case.is_left


def test_the_first_convolution_is_quantized_though_an_image_has_three_channels() -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["out"], "stem")]

    assert not thin_for_tensorrt(graph_of(nodes, {"w": (8, 3, 3, 3)}, channels=3))


@pytest.mark.parametrize(
    ("rows", "columns", "is_left"), [(16, 32, False), (16, 8, True), (1, 32, True)], ids=["wide", "thin", "one row"]
)
def test_products_of_one_row_and_thin_ones_are_left_in_float(rows: int, columns: int, is_left: bool) -> None:
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["rows"], "reshape"),
        helper.make_node("MatMul", ["rows", "w"], ["out"], "product"),
    ]
    model = graph_of(nodes, {"w": (1024 // rows, columns)})
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, rows, 1024 // rows]), "shape"))

    assert ("product" in thin_for_tensorrt(model)) == is_left


@pytest.mark.parametrize(
    ("sizes", "is_left"), [(("N", "length", 64), False), (("N", 64), True)], ids=["a sequence", "one row"]
)
def test_a_sequence_of_free_length_has_more_than_one_row(sizes: tuple[str | int, ...], is_left: bool) -> None:
    model = graph_of([helper.make_node("MatMul", ["x", "w"], ["out"], "product")], {"w": (64, 32)})
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, sizes))

    assert ("product" in thin_for_tensorrt(model)) == is_left


def test_the_main_branch_of_a_sum_is_the_one_with_more_layers() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["short"], "short"),
        helper.make_node("Conv", ["x", "b"], ["half"], "half"),
        helper.make_node("Conv", ["half", "c"], ["long"], "long"),
        helper.make_node("Add", ["short", "long"], ["out"], "sum"),
    ]
    weights = dict.fromkeys("abc", (16, 16, 1, 1))

    assert residual_sums(graph_of(nodes, weights)) == {"sum": "long"}


def test_a_normalised_convolution_is_a_main_branch_and_a_shared_one_is_not() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["y"], "conv"),
        helper.make_node("BatchNormalization", ["y", "s", "s", "s", "s"], ["n"], "norm"),
        helper.make_node("Conv", ["x", "b"], ["skip"], "skip"),
        helper.make_node("Add", ["n", "skip"], ["first"], "first"),
        helper.make_node("Relu", ["skip"], ["r"], "relu"),
        helper.make_node("Add", ["skip", "r"], ["second"], "second"),
        helper.make_node("Add", ["first", "second"], ["out"], "third"),
    ]
    weights = {"a": (16, 16, 1, 1), "b": (16, 16, 1, 1), "s": (16,)}

    assert residual_sums(graph_of(nodes, weights)) == {"first": "n"}
    assert {"second", "third"} <= thin_for_tensorrt(graph_of(nodes, weights))


def small_transformer() -> onnx.ModelProto:
    """Patches by a convolution, then a block of two layers with the stream of tokens around it."""
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["patches"], "patch"),
        helper.make_node("Flatten", ["patches"], ["stream"], "flatten", axis=2),
        helper.make_node("MatMul", ["stream", "w1"], ["up"], "up"),
        helper.make_node("Erf", ["up"], ["active"], "gelu"),
        helper.make_node("MatMul", ["active", "w2"], ["down"], "down"),
        helper.make_node("Add", ["stream", "down"], ["sum"], "stream_sum"),
        helper.make_node("MatMul", ["sum", "sum"], ["out"], "attention"),
    ]
    model = graph_of(nodes, {"w0": (64, 16, 1, 1), "w1": (64, 64), "w2": (64, 64)})
    model.ir_version = 8
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["M", 64]))
    return model


def test_the_stream_of_a_transformer_stays_in_float_on_cpus() -> None:
    assert better_on_cpus_in_float(small_transformer()) == {"stream_sum", "attention"}


def test_sums_behind_convolutions_are_quantized_on_cpus() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], "first"),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("Conv", ["b", "w1"], ["c"], "second"),
        helper.make_node("Add", ["b", "c"], ["d"], "sum"),
        helper.make_node("Add", ["d", "x"], ["out"], "sum_of_a_sum"),
    ]
    weights = {"w0": (16, 16, 1, 1), "w1": (16, 16, 1, 1)}
    assert better_on_cpus_in_float(graph_of(nodes, weights)) == set()


@pytest.mark.parametrize("rendering", [ARM, X86, X86_VNNI], ids=lambda one: one.name)
def test_results_of_products_are_not_quantized_on_cpus(rendering: QdqRendering, tmp_path: Path) -> None:
    model = small_transformer()
    rng = np.random.default_rng(0)
    for tensor in model.graph.initializer:
        values = rng.normal(0, 0.1, tuple(tensor.dims)).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, tmp_path / "float.onnx")
    images = [rng.normal(0, 1, (16, 8, 8)).astype(np.float32) for _ in range(16)]
    record = calibrate(tmp_path / "float.onnx", images)

    rendering.render(tmp_path / "float.onnx", record, tmp_path / "int8.onnx", RenderSettings())

    quantized = onnx.load(tmp_path / "int8.onnx")
    readers = {name: node.op_type for node in quantized.graph.node for name in node.input}
    assert readers["up"] == "Erf"
    assert readers["down"] == "Add"
    assert set(coverage(quantized).quantized) == {"patch", "up", "down"}


@pytest.mark.parametrize("rendering", [ARM, X86, X86_VNNI], ids=lambda one: one.name)
def test_a_stream_behind_its_normalisation_is_rounded_for_layers_alone(rendering: QdqRendering, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"], "flatten", axis=2),
        helper.make_node("LayerNormalization", ["flat", "scale"], ["stream"], "before"),
        helper.make_node("MatMul", ["stream", "w1"], ["up"], "up"),
        helper.make_node("Erf", ["up"], ["active"], "gelu"),
        helper.make_node("MatMul", ["active", "w2"], ["down"], "down"),
        helper.make_node("Add", ["stream", "down"], ["sum"], "stream_sum"),
        helper.make_node("LayerNormalization", ["sum", "scale"], ["out"], "after"),
    ]
    model = graph_of(nodes, {"scale": (64,)})
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["M", 64]))
    weights = {name: rng.normal(0, 0.1, (64, 64)).astype(np.float32) for name in ("w1", "w2")}
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    model.ir_version = 8
    onnx.save(model, tmp_path / "float.onnx")
    record = calibrate(tmp_path / "float.onnx", [rng.normal(0, 1, (16, 8, 8)).astype(np.float32) for _ in range(16)])

    rendering.render(tmp_path / "float.onnx", record, tmp_path / "int8.onnx", RenderSettings())

    quantized = onnx.load(tmp_path / "int8.onnx")
    makers = {node.output[0]: node.op_type for node in quantized.graph.node}
    reads = {node.name: makers.get(node.input[0]) for node in quantized.graph.node}
    assert reads["stream_sum"] == "LayerNormalization"
    assert reads["up"] == reads["down"] == "DequantizeLinear"
    assert set(coverage(quantized).quantized) == {"up", "down"}
