"""Smoothing changes how channels are divided between tensors and weights, and not what a network computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from gain import signal_to_noise_db
from hard_network import Hardness, hard_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgetl.errors import DataError
from edgetl.host.graph import read_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.treatments import due, treat
from edgetl.host.quantize.treatments.channels import Channels, Held
from edgetl.host.quantize.treatments.smooth import best_factors, expected_noise, smooth
from edgetl.plugins import RENDERINGS, TREATMENTS, find
from edgetl.tensors import Array

NAMES = ("smooth",)
WIDTH = 16
KINDS = ("normalised", "older", "stream", "scaled", "halved", "plain")


def network(path: Path, kind: str, seed: int = 0, spread: float = 100.0) -> Path:
    """Two products that read one tensor, which has a few channels ``spread`` times as large as the rest.

    All channels count alike: weights are the smaller.

    Args:
        kind: what makes it: a layer normalisation that they alone read, the end of one in parts, one that a sum reads,
            too, a product with a constant for each channel, one with a single number, or a ReLU.
    """
    rng = np.random.default_rng(seed)
    sizes = np.ones(WIDTH)
    sizes[rng.permutation(WIDTH)[:2]] = spread
    constants = {
        "gain": sizes,
        "shift": rng.normal(size=WIDTH) * sizes / 4,
        "half": np.array(0.5),
        "left": rng.normal(size=(WIDTH, 8)) / 4 / sizes[:, None],
        "left.bias": rng.normal(size=8),
        "right": rng.normal(size=(WIDTH, WIDTH)) / 4 / sizes[:, None],
        "last": rng.normal(size=(8 + WIDTH, 4)),
    }
    if kind == "stream":
        # the sum around a product is of the large channels themselves
        constants["last"][8:] = 0
    makers = {
        "normalised": [helper.make_node("LayerNormalization", ["tokens", "gain", "shift"], ["x"], "norm", axis=-1)],
        "older": [
            helper.make_node("Mul", ["gain", "tokens"], ["large"], "enlarge"),
            helper.make_node("Add", ["large", "shift"], ["x"], "move"),
        ],
        "scaled": [helper.make_node("Mul", ["gain", "tokens"], ["x"], "enlarge")],
        "halved": [
            helper.make_node("Mul", ["tokens", "gain"], ["large"], "enlarge"),
            helper.make_node("Mul", ["half", "large"], ["x"], "halve"),
        ],
        "plain": [
            helper.make_node("Mul", ["tokens", "gain"], ["large"], "enlarge"),
            helper.make_node("Relu", ["large"], ["x"], "relu"),
        ],
    }
    nodes = [
        *makers["normalised" if kind == "stream" else kind],
        helper.make_node("MatMul", ["x", "left"], ["l"], "left"),
        helper.make_node("Add", ["l", "left.bias"], ["lb"], "left_sum"),
        helper.make_node("MatMul", ["x", "right"], ["r"], "right"),
        *([helper.make_node("Add", ["x", "r"], ["rx"], "stream")] if kind == "stream" else []),
        helper.make_node("Concat", ["lb", "rx" if kind == "stream" else "r"], ["y"], "concat", axis=-1),
        helper.make_node("MatMul", ["y", "last"], ["z"], "last"),
    ]
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    read = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["batch", 6, WIDTH])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", 6, 4])],
        [tensor for tensor in tensors if tensor.name in read],
    )
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def samples(count: int, seed: int = 0) -> list[dict[str, Array]]:
    rng = np.random.default_rng(seed)
    return [{"tokens": rng.normal(size=(1, 6, WIDTH)).astype(np.float32)} for _ in range(count)]


def channels(rows: Array) -> Channels:
    """Every other row is a sample of one half."""
    one, two = rows[::2], rows[1::2]
    return Channels(Held.of(rows), ((Held.of(one), one), (Held.of(two), two)))


def computed(model: Path, precision: str = "fp32") -> Array:
    return collect(Engine(model, "onnxruntime", precision), samples(16, seed=1), 1)["z"]


def smoothed(model: Path) -> tuple[Path, tuple[str, ...]]:
    out = model.with_name("smooth.onnx")
    return out, treat(model, NAMES, samples(16), out)["smooth"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**16), spread=st.sampled_from([1.0, 30.0, 1e4]))
def test_random_networks_compute_the_same(kind: str, seed: int, spread: float, tmp_path: Path) -> None:
    model = network(tmp_path / "float.onnx", kind, seed, spread)

    out, _ = smoothed(model)

    wanted = computed(model)
    assert np.abs(computed(out) - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("rendering", ["x86-vnni", "x86", "tensorrt"])
@pytest.mark.parametrize("kind", KINDS)
def test_less_is_lost(kind: str, rendering: str, tmp_path: Path) -> None:
    model = network(tmp_path / "float.onnx", kind)

    out, changed = smoothed(model)

    assert changed == ("left", "right")
    wanted, found = computed(model), {}
    for path in (model, out):
        made = tmp_path / "int8.onnx"
        find(RENDERINGS, rendering, "rendering").render(
            path, calibrate(path, samples(16)), made, RenderSettings(estimator="minmax")
        )
        found[path] = signal_to_noise_db(wanted, computed(made, "int8"))
    assert (found[out] or 0) > (found[model] or 0) + 1.5


@pytest.mark.parametrize(
    ("kind", "more"),
    [("normalised", 0), ("older", 0), ("scaled", 0), ("halved", 1), ("stream", 1), ("plain", 1)],
    ids=lambda value: str(value),
)
def test_a_node_more_only_where_nothing_before_takes_the_division(kind: str, more: int, tmp_path: Path) -> None:
    model = network(tmp_path / "float.onnx", kind)

    out, _ = smoothed(model)

    before, after = read_graph(model).graph, read_graph(out).graph
    assert len(after.node) - len(before.node) == more
    left, right = (next(node for node in after.node if node.name == name) for name in ("left", "right"))
    assert left.input[0] == right.input[0] == ("x_smoothed" if more else "x")
    assert {node.name for node in before.node} <= {node.name for node in after.node}


def test_equal_channels_are_left_alone() -> None:
    weight, ones = np.random.default_rng(0).normal(size=(256, 64)), np.ones(64)

    assert best_factors([weight], channels(np.stack([-ones, ones] * 2))) is None


def test_it_is_due_where_anything_but_the_head_multiplies(tmp_path: Path) -> None:
    onnx.save(hard_network(Hardness(blocks=1)), tmp_path / "convolutions.onnx")

    assert due(network(tmp_path / "products.onnx", "plain"), TREATMENTS) == ("smooth",)
    assert due(tmp_path / "products.onnx", ("equalise", "bias-correction")) == ()
    assert due(tmp_path / "convolutions.onnx", TREATMENTS) == ()


def test_without_samples_it_says_so(tmp_path: Path) -> None:
    model = network(tmp_path / "float.onnx", "plain")

    with pytest.raises(DataError, match="'smooth' got no samples"):
        treat(model, NAMES, (), tmp_path / "out.onnx")


def test_a_dead_channel_does_no_harm() -> None:
    rng = np.random.default_rng(0)
    sizes = np.float64([0.0, 1.0, 1.0, 300.0])
    weight = rng.normal(size=(3, 4))
    weight[:, 1] = 0

    factors = best_factors([weight], channels(np.stack([-sizes, sizes, -sizes, sizes]).repeat(2, axis=0)))

    assert factors is not None
    assert np.all(np.isfinite(factors))
    assert np.all(factors > 0)


def test_the_expected_noise_is_that_of_rounding() -> None:
    """Against rounding by brute force, of a tensor and of weights with a scale for each output."""
    rng = np.random.default_rng(0)
    sizes = np.where(np.arange(64) < 3, 20.0, 1.0)
    x, weight = rng.normal(size=(4000, 64)) * sizes, rng.normal(size=(32, 64))
    seen = Held.of(x)
    for factors in (np.ones(64), sizes, np.sqrt(sizes)):
        step = ((x / factors).max() - (x / factors).min()) / 255
        steps = np.abs(weight * factors).max(1, keepdims=True) / 127
        rounded = np.rint(x / factors / step) * step @ (np.rint(weight * factors / steps) * steps).T
        wanted = x @ weight.T
        found = np.square(rounded - wanted).sum() / np.square(wanted).sum()
        assert expected_noise([weight], seen, x.var(0), factors) == pytest.approx(found, rel=0.15)


def test_a_tensor_that_a_product_adds_as_well_is_divided_for_the_product_alone(tmp_path: Path) -> None:
    """``x @ W + x`` in one Gemm."""
    rng = np.random.default_rng(3)
    scale, weights = np.ones(16), rng.normal(size=(16, 16)) / 4
    scale[3], weights[3] = 100.0, weights[3] / 100
    constants = {"scale": scale, "shift": np.zeros(16), "w": weights}
    nodes = [
        helper.make_node("LayerNormalization", ["x", "scale", "shift"], ["normal"], "normal"),
        helper.make_node("Gemm", ["normal", "w", "normal"], ["sum"], "both"),
        helper.make_node("Relu", ["sum"], ["positive"], "relu"),
        helper.make_node("Gemm", ["positive", "w"], ["y"], "last"),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 16]) for name in "xy")
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "both", [x], [y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    feeds = [{"x": rng.normal(size=(1, 16)).astype(np.float32)} for _ in range(200)]
    onnx.save(model, tmp_path / "before.onnx")

    changed = smooth(model, feeds)

    onnx.save(model, tmp_path / "after.onnx")
    before, after = (
        collect(Engine(tmp_path / f"{name}.onnx", "onnxruntime"), feeds, 1)["y"] for name in ("before", "after")
    )
    assert changed
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("count", [24, 60])
def test_channels_alike_are_not_stretched_to_what_a_few_samples_held(count: int) -> None:
    """Their largest values differ by chance alone, and the next samples would be cut off."""
    rng = np.random.default_rng(1)
    x, weights = rng.normal(size=(count, 64)), [rng.normal(size=(64, 64))]

    assert best_factors(weights, channels(x)) is None
