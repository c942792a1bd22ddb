"""Proofs by the weights alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host.graph import read_graph, write_graph
from edgetl.host.quantize.saturation.bounds import PairBound, pair_bounds, proven_for
from edgetl.host.quantize.saturation.executor import collect
from edgetl.tensors import Array

EXACT = ("amx_int8", "avx512_vnni", "avx_vnni")
ALL = ("amx_int8", "avx2", "avx512_vnni", "avx512bw", "avx_vnni", "sse4_2")

LayerGraph = Callable[..., Path]


def column(*values: int) -> Array:
    """The weight of a 1x1 convolution with one output."""
    return np.array(values, np.int8).reshape(1, -1, 1, 1)


def test_seven_bit_weights_are_proven_for_every_cpu(
    layer_graph: LayerGraph, loud: Callable[[tuple[int, ...]], Array]
) -> None:
    weight = np.random.default_rng(0).integers(-64, 64, (16, 16, 3, 3)).astype(np.int8)
    model = layer_graph("Conv", (16, 6, 6), weight, zero=0)

    assert proven_for(read_graph(model)) == ALL

    images = np.full((1, 16, 6, 6), 100, np.float32)
    for batch in (images, -images, loud((2, 16, 6, 6))):
        np.testing.assert_array_equal(collect(model, batch, "vnni")["out"], collect(model, batch, "avx2")["out"])


def test_full_range_weights_are_proven_for_exact_instructions_only(layer_graph: LayerGraph) -> None:
    assert proven_for(read_graph(layer_graph("Conv", (2, 4, 4), column(127, 127)))) == EXACT


@pytest.mark.parametrize("values", [(127, -128), (64, 64), (127, 1), (-64, -64)], ids=str)
def test_pairs_that_fit_sixteen_bits_are_no_danger(layer_graph: LayerGraph, values: tuple[int, ...]) -> None:
    assert proven_for(read_graph(layer_graph("Conv", (2, 4, 4), column(*values)))) == ALL


def test_weights_that_another_order_would_pair_are_not_proven(layer_graph: LayerGraph) -> None:
    model = read_graph(layer_graph("Conv", (4, 4, 4), column(127, 0, 127, 0)))

    assert pair_bounds(model) == (PairBound("layer", pairs=2, possible=0, in_some_order=True),)
    assert proven_for(model) == EXACT


def test_bound_counts_the_pairs_that_could_saturate(layer_graph: LayerGraph) -> None:
    (bound,) = pair_bounds(read_graph(layer_graph("Conv", (5, 4, 4), column(127, 2, -100, -40, 127))))
    assert (bound.pairs, bound.possible) == (3, 2)
    assert bound.share == pytest.approx(2 / 3)


def test_depthwise_and_unsigned_weights_are_computed_in_32_bits(layer_graph: LayerGraph) -> None:
    depthwise = np.full((8, 1, 3, 3), 127, np.int8)
    assert proven_for(read_graph(layer_graph("Conv", (8, 4, 4), depthwise, group=8))) == ALL
    assert proven_for(read_graph(layer_graph("Conv", (2, 4, 4), column(127, 127).astype(np.uint8)))) == ALL


def test_a_float_graph_needs_no_proof(network: Path) -> None:
    assert proven_for(read_graph(network)) == ()


def test_a_layer_that_cannot_be_looked_at_is_not_proven(layer_graph: LayerGraph) -> None:
    """Its weight comes from a node, so nobody knows it."""
    path = layer_graph("Conv", (2, 4, 4), column(1, 1))
    model = read_graph(path)
    model.graph.node.insert(0, onnx.helper.make_node("Identity", ["w"], ["w.copied"], "copy"))
    next(node for node in model.graph.node if node.output[0] == "w.float").input[0] = "w.copied"
    write_graph(model, path)

    assert pair_bounds(read_graph(path)) == ()
    assert proven_for(read_graph(path)) == EXACT


@pytest.mark.parametrize("op_type", ["ConvInteger", "MatMulInteger", "QLinearConv"])
def test_operators_on_integers_are_proven_by_their_weights_too(
    integer_graph: Callable[[str, Array], Path], op_type: str
) -> None:
    def proven(largest: int, dtype: type[np.generic]) -> tuple[str, ...]:
        return proven_for(read_graph(integer_graph(op_type, np.full((2, 64), largest, dtype))))

    assert proven(127, np.int8) == EXACT
    assert proven(64, np.int8) == ALL
    assert proven(255, np.uint8) == ALL


def test_integers_that_are_multiplied_with_others_of_the_same_sample_are_not_proven(
    integer_graph: Callable[[str, Array], Path],
) -> None:
    model = read_graph(integer_graph("MatMulInteger", np.full((2, 64), 1, np.int8)))
    model.graph.node[0].input[1] = "q"
    assert proven_for(model) == EXACT


SHAPED = {
    "reshaped": [helper.make_node("Reshape", ["x_d", "rows"], ["factor"]), "w_d"],
    "squeezed": [helper.make_node("Squeeze", ["x_d", "axis"], ["factor"]), "w_d"],
    "weights turned": [helper.make_node("Transpose", ["w_d"], ["turned"], perm=[1, 0]), "turned"],
}


@pytest.mark.parametrize("level", [127, 63])
@pytest.mark.parametrize("form", SHAPED)
def test_integers_that_are_only_shaped_before_a_product_are_looked_at(form: str, level: int) -> None:
    """Runtimes move the pair out of the way and multiply integers."""
    shaping, weight = SHAPED[form]
    data = "x_d" if form == "weights turned" else "factor"
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["x_q"]),
        helper.make_node("DequantizeLinear", ["x_q", "step", "zero"], ["x_d"]),
        helper.make_node("DequantizeLinear", ["w", "step", "weight_zero"], ["w_d"]),
        shaping,
        helper.make_node("MatMul", [data, weight], ["y"], "product"),
    ]
    tensors = {
        "step": np.float32(0.01),
        "zero": np.uint8(0),
        "weight_zero": np.int8(0),
        "w": np.full((16, 16), level, np.int8),
        "rows": np.int64([-1, 16]),
        "axis": np.int64([1]),
    }
    shape = ["N", 16] if form == "weights turned" else ["N", 1, 16]
    graph = helper.make_graph(
        nodes,
        "shaped",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 16])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    proven = proven_for(model)

    assert "avx512_vnni" in proven
    assert ("avx2" in proven) == (level == 63)
