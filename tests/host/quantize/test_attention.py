"""Attention between linear layers is computed on integers in the graphs for OpenVINO."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.graph import read_graph, weights_of
from edgetl.host.inference import Engine, collect
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.attention import attentions
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.coverage import coverage
from edgetl.host.quantize.rules import remarks
from edgetl.host.quantize.rules.view import View
from edgetl.host.quantize.saturation.bounds import proven_for
from edgetl.host.quantize.treatments import of_renderings
from edgetl.host.quantize.treatments.moments import collect_moments
from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.tune import tune
from edgetl.plugins import RENDERINGS, TREATMENTS, find
from edgetl.tensors import Array

Sentences = Callable[..., tuple[dict[str, Array], ...]]
PRODUCTS = {"MatMul_5", "MatMul_11"}
"""Of queries and keys, and of what the Softmax made and values, in the embedder."""


@pytest.fixture
def network(tmp_path: Path, embedder: Callable[[Path], Path]) -> Path:
    """The embedder with a linear layer each for queries, keys and values."""
    path = embedder(tmp_path / "float.onnx")
    model = read_graph(path)
    whole = numpy_helper.to_array(weights_of(model)["qkv"])
    cut = next(node for node in model.graph.node if node.op_type == "Split")
    product = next(node for node in model.graph.node if node.output[0] == cut.input[0])
    place = list(model.graph.node).index(product)
    for node in (cut, product):
        model.graph.node.remove(node)
    for name, weights in zip(cut.output, np.split(whole, 3, axis=1), strict=True):
        model.graph.initializer.append(numpy_helper.from_array(weights.copy(), f"w_{name}"))
        layer = helper.make_node("MatMul", [product.input[0], f"w_{name}"], [name], f"layer_{name}")
        model.graph.node.insert(place, layer)
    onnx.save(model, path)
    return path


def rendered(model: Path, samples: tuple[dict[str, Array], ...], settings: RenderSettings | None = None) -> Path:
    out = model.with_name("openvino.onnx")
    record = calibrate(model, samples)
    find(RENDERINGS, "openvino", "rendering").render(model, record, out, settings or RenderSettings())
    return out


def error_db(model: Path, made: Path, samples: tuple[dict[str, Array], ...]) -> float:
    # where this CPU's sums saturate, of exact ones, which OpenVINO cannot be asked for
    runtime = "onnxruntime" if Engine(made, "openvino").exact_sums else "openvino"
    wanted, got = (collect(Engine(path, runtime), samples, 1)["embedding"] for path in (model, made))
    return float(10 * np.log10(np.square(wanted).sum() / np.square(wanted - got).sum()))


def test_factors_are_int8_without_a_shift_and_scores_stay_float(network: Path, sentences: Sentences) -> None:
    graph = read_graph(rendered(network, sentences(48)))
    view, products = View.of(graph), {node.name: node for node in graph.graph.node if node.name in PRODUCTS}
    assert products.keys() == PRODUCTS
    assert set(coverage(graph).quantized) >= PRODUCTS
    assert [node.op_type for node in view.readers["products"]] == ["Mul"]
    zeros = {}
    for node in products.values():
        for place, name in enumerate(node.input):
            dequantizer = view.dequantizer(name)
            assert dequantizer is not None
            zero = view.zero_point(dequantizer)
            assert zero is not None
            zeros[node.name, place] = (zero.dtype.name, int(zero))
    shares = ("MatMul_11", 0)
    assert zeros.pop(shares) == ("uint8", 0)
    assert set(zeros.values()) == {("int8", 0)}


def test_openvino_computes_what_the_float_graph_does(network: Path, sentences: Sentences) -> None:
    pytest.importorskip("openvino")
    made = rendered(network, sentences(48))
    assert error_db(network, made, sentences(16, seed=3)) > 20


def test_every_treatment_leaves_these_products_alone(network: Path, sentences: Sentences) -> None:
    """They have no weights to mend, to round otherwise or to move channels into."""
    moments = collect_moments(network, sentences(32))
    bare, treated = (
        read_graph(rendered(network, sentences(48), RenderSettings(treatments=names, moments=moments)))
        for names in ((), of_renderings(tuple(TREATMENTS)))
    )
    for graph in (bare, treated):
        assert set(coverage(graph).quantized) >= PRODUCTS
    assert [node.name for node in treated.graph.node if node.name in PRODUCTS] == [
        node.name for node in bare.graph.node if node.name in PRODUCTS
    ]


def test_layers_around_them_can_be_trained(network: Path, sentences: Sentences, tmp_path: Path) -> None:
    made = rendered(network, sentences(48))
    settings = TuneSettings(budget_s=600.0, steps=30, clock=lambda: 0.0)
    tuned = tune(network, made, sentences(64), tmp_path / "tuned.onnx", settings)
    assert tuned.loss_after < tuned.loss_before
    assert set(coverage(read_graph(tmp_path / "tuned.onnx")).quantized) >= PRODUCTS


def test_without_constant_weights_nothing_is_proven_for_cpus_without_vnni(network: Path, sentences: Sentences) -> None:
    assert "avx2" not in proven_for(read_graph(rendered(network, sentences(48))))


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_they_can_be_kept_in_float(network: Path, sentences: Sentences, name: str) -> None:
    graph = read_graph(rendered(network, sentences(48), RenderSettings(frozenset({name}))))
    assert name not in coverage(graph).quantized


def test_graph_for_both_runtimes_hears_of_the_one_for_openvino(network: Path, sentences: Sentences) -> None:
    out = network.with_name("shared.onnx")
    record = calibrate(network, sentences(48))
    find(RENDERINGS, "x86-vnni", "rendering").render(network, record, out, RenderSettings())
    (told,) = remarks(read_graph(out), "x86-vnni")
    assert told.endswith("the rendering 'openvino' has them so, for x86 with VNNI (MatMul_5, MatMul_11)")
    assert remarks(read_graph(rendered(network, sentences(48))), "openvino") == ()


@pytest.mark.parametrize("same", [("q", "k"), ("k", "v")])
def test_factors_may_be_one_tensor(network: Path, sentences: Sentences, same: tuple[str, str]) -> None:
    pytest.importorskip("openvino")
    model = read_graph(network)
    for node in model.graph.node:
        node.input[:] = [same[0] if name == same[1] else name for name in node.input]
    onnx.save(model, network)
    made = rendered(network, sentences(48))
    assert set(coverage(read_graph(made)).quantized) >= PRODUCTS
    assert error_db(network, made, sentences(16, seed=3)) > 20


def test_behind_an_operator_of_unknown_types_attention_stays_in_float(network: Path, sentences: Sentences) -> None:
    model = read_graph(network)
    place = next(index for index, node in enumerate(model.graph.node) if node.name == "layer_q")
    read = model.graph.node[place].input[0]
    model.graph.node.insert(place, helper.make_node("Gelu", [read], ["own"], "own", domain="com.microsoft"))
    for node in model.graph.node:
        if node.name.startswith("layer_"):
            node.input[0] = "own"
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, network)
    with pytest.raises(Unsupported, match="would be that of 'x86-vnni'"):
        rendered(network, sentences(48))


def test_one_layer_for_all_three_is_left_alone(embedder: Callable[[Path], Path], tmp_path: Path) -> None:
    assert attentions(View.of(read_graph(embedder(tmp_path / "float.onnx")))) == ()


def test_scaled_queries_are_left_alone(network: Path) -> None:
    model = read_graph(network)
    product = next(node for node in model.graph.node if node.name == "MatMul_5")
    place = list(model.graph.node).index(product)
    model.graph.node.insert(place, helper.make_node("Mul", [product.input[0], "root"], ["scaled"], "scaled"))
    product.input[0] = "scaled"
    assert attentions(View.of(model)) == ()


def test_shares_that_something_else_reads_are_left_alone(network: Path) -> None:
    model = read_graph(network)
    model.graph.node.append(helper.make_node("Identity", ["shares"], ["seen"], "seen"))
    assert attentions(View.of(model)) == ()


def test_embedder_without_such_attention_has_no_graph_of_its_own(
    embedder: Callable[[Path], Path], sentences: Sentences, tmp_path: Path
) -> None:
    with pytest.raises(Unsupported, match="would be that of 'x86-vnni'"):
        rendered(embedder(tmp_path / "float.onnx"), sentences(48))
