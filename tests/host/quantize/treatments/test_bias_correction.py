"""Biases take up what rounded weights lose on average, wherever a layer keeps its bias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host.graph import read_graph, weights_of
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.treatments.moments import collect_moments
from edgetl.plugins import BACKENDS, RENDERINGS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array

WIDTH, TOKENS = 32, 5
BOTH = ("adaptive-rounding", "bias-correction")


@dataclass(frozen=True)
class Products:
    """A product of tokens whose channels have means from 0.5 to 3, what is behind it, and its constants."""

    nodes: tuple[onnx.NodeProto, ...]
    biases: dict[str, Array]


def product(bias: str = "") -> tuple[onnx.NodeProto, ...]:
    if not bias:
        return (helper.make_node("MatMul", ["x", "w"], ["y"], "product"),)
    return (
        helper.make_node("MatMul", ["x", "w"], ["product"], "product"),
        helper.make_node("Add", [bias, "product"], ["y"], "sum"),
    )


def values(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


PLAIN = Products(product(), {})
BIASED = Products(product("b"), {"b": values(1, WIDTH)})
PER_TOKEN = Products(product("b"), {"b": values(1, 1, TOKENS, WIDTH)})
SCALAR = Products(product("b"), {"b": np.float32(0.5)})
SHARED = Products(
    (*product("b"), helper.make_node("MatMul", ["x", "v"], ["p"], "other"), helper.make_node("Add", ["p", "b"], ["z"])),
    {"b": values(1, WIDTH), "v": values(2, WIDTH, WIDTH)},
)


TWICE_READ = Products((*product("b"), helper.make_node("Mul", ["x", "b"], ["z"], "scaled")), {"b": values(1, WIDTH)})


def written(products: Products, path: Path) -> Path:
    constants = {"w": values(0, WIDTH, WIDTH) / 6, **products.biases}
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    shape = ["N", TOKENS, WIDTH]
    outputs = [name for node in products.nodes for name in node.output if name in "yz"]
    tokens, *results = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ["x", *outputs])
    model = helper.make_model(
        helper.make_graph(products.nodes, "products", [tokens], results, tensors),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, path)
    return path


def sentences(count: int, seed: int = 3) -> Array:
    means = np.linspace(0.5, 3, WIDTH)
    return (means + 0.3 * np.random.default_rng(seed).normal(size=(count, TOKENS, WIDTH))).astype(np.float32)


def run(path: Path) -> Array:
    runner = find(BACKENDS, "onnxruntime", "runtime").load(path, LoadOptions(threads=1, batch=None))
    found: Array = runner.infer({"x": sentences(32, seed=4)})["y"]
    return found


@pytest.fixture
def error(tmp_path: Path) -> Callable[..., float]:
    """Root mean square error of a rendering that no CPU computes wrongly, with some treatments."""

    def of(products: Products, *treatments: str) -> float:
        path, feeds = written(products, tmp_path / "float.onnx"), [{"x": tokens[None]} for tokens in sentences(32)]
        settings = RenderSettings(frozenset(), None, treatments, collect_moments(path, feeds))
        find(RENDERINGS, "x86", "rendering").render(path, calibrate(path, feeds), tmp_path / "int8.onnx", settings)
        return float(np.sqrt(np.mean((run(tmp_path / "int8.onnx") - run(path)) ** 2)))

    return of


@pytest.mark.parametrize("products", [BIASED, PER_TOKEN, SHARED], ids=["one", "one for each token", "shared"])
def test_what_a_sum_behind_a_product_adds_is_its_bias(products: Products, error: Callable[..., float]) -> None:
    assert error(products, "bias-correction") < 0.7 * error(products)


@pytest.mark.parametrize("products", [PLAIN, SCALAR, BIASED], ids=["no bias", "one number", "a bias"])
def test_weights_rounded_together_lose_less_whether_or_not_there_is_a_bias_to_correct(
    products: Products, error: Callable[..., float]
) -> None:
    assert error(products, *BOTH) < 0.7 * error(products)


def test_a_bias_that_others_read_too_is_corrected_in_a_copy(error: Callable[..., float], tmp_path: Path) -> None:
    assert error(TWICE_READ, "bias-correction") < 0.7 * error(TWICE_READ)

    error(TWICE_READ, "bias-correction")
    kept = weights_of(read_graph(tmp_path / "int8.onnx"))["b"]
    np.testing.assert_array_equal(numpy_helper.to_array(kept), TWICE_READ.biases["b"])


def test_a_product_that_reads_what_a_convolution_reads_is_left_as_it_is(
    error: Callable[..., float],
) -> None:
    """Channels are watched along one axis, and that is the convolution's."""
    both = Products(
        (*BIASED.nodes, helper.make_node("Conv", ["x", "k"], ["z"], "conv")),
        {**BIASED.biases, "k": values(5, TOKENS, TOKENS, 1)},
    )

    assert error(both, "bias-correction") == error(both)
    assert error(both, *BOTH) == pytest.approx(error(both, "adaptive-rounding"))


def test_a_gemm_that_turns_its_input_round_is_left_as_it_is(tmp_path: Path) -> None:
    gemm = helper.make_node("Gemm", ["x", "w", "b"], ["y"], "gemm", transA=1)
    path = written(replace(BIASED, nodes=(gemm,)), tmp_path / "float.onnx")
    model = read_graph(path)
    for value, shape in ((model.graph.input[0], [WIDTH, TOKENS]), (model.graph.output[0], [TOKENS, WIDTH])):
        value.CopyFrom(helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, shape))
    onnx.save(model, path)
    feeds = [{"x": tokens.T.copy()} for tokens in sentences(32)]

    record = calibrate(path, feeds)

    find(RENDERINGS, "x86", "rendering").render(path, record, tmp_path / "int8.onnx", RenderSettings())
    wanted, found = (read_graph(tmp_path / name) for name in ("float.onnx", "int8.onnx"))
    assert len(found.graph.node) > len(wanted.graph.node)
