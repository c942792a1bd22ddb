"""What is told of every layer of a network that loses by one channel, and of one that does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest

from edgetl.device.probe import INT8_DOT, X86, environment
from edgetl.errors import Unsupported
from edgetl.explanation import Explanation, LayerExplanation
from edgetl.host.data.stream import stream
from edgetl.host.inference import Engine, collect
from edgetl.host.ladder import Ascent, Climbed, climb
from edgetl.host.ladder.explain import explain
from edgetl.report.explanation.causes import cause
from edgetl.report.explanation.words import dominating
from edgetl.tensors import Array

AscentOf = Callable[..., Ascent]


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """What several tests look at, made once."""
    return {}


@pytest.fixture
def rescued(ascent: AscentOf, kept: dict[str, Any]) -> tuple[Ascent, Climbed]:
    """A climb that ended with two layers in float."""
    if "rescued" not in kept:
        asked = ascent(spread=1e4)
        kept["rescued"] = asked, climb(asked)
    found: tuple[Ascent, Climbed] = kept["rescued"]
    return found


@pytest.fixture
def told(rescued: tuple[Ascent, Climbed], kept: dict[str, Any]) -> Explanation:
    if "told" not in kept:
        kept["told"] = explain(*rescued)
    found: Explanation = kept["told"]
    return found


def layer(told: Explanation, name: str) -> LayerExplanation:
    return next(one for one in told.layers if one.name == name)


def test_the_layers_around_the_channel_that_drowns_the_others_dominate(told: Explanation) -> None:
    assert {one.name for one in dominating(told)} <= {"conv1", "conv2"}
    assert {one.name for one in told.worst[:2]} == {"conv1", "conv2"}
    for name in ("conv1", "conv2"):
        found = cause(layer(told, name), told)
        assert found.name == "unequal channels"
        assert "10,000 x apart" in found.because
        assert found.remedy == "", "pooling between them keeps them from being equalised"


def test_layers_are_in_the_graph_as_the_search_left_them(told: Explanation) -> None:
    precisions = {one.name: one.precision for one in told.layers if one.op == "Conv"}
    assert precisions == {"conv0": "int8", "conv1": "float", "conv2": "float", "conv3": "int8"}
    assert layer(told, "conv1").in_float_because == "left in float by the search"
    assert layer(told, "conv0").in_float_because == ""
    assert layer(told, "head").in_float_because.startswith("heads stay in float")


def test_what_stays_in_float_has_the_range_it_would_have_had(told: Explanation) -> None:
    found = layer(told, "conv1")
    assert found.grid is not None
    assert found.grid.steps == 255
    assert found.grid.high == pytest.approx(1.9e4, rel=0.02)
    assert found.channels is not None
    assert (found.channels.n, found.channels.coarse) == (2, 1)


def test_signal_to_noise_is_that_of_the_chosen_graph(rescued: tuple[Ascent, Climbed], told: Explanation) -> None:
    asked, climbed = rescued
    samples = asked.calibrated.samples[: told.images]
    images = tuple(stream(samples, asked.workspace.preprocess, threads=1))
    # behind its last convolution the network only averages over pixels
    wanted, got = (_averaged(model, images) for model in (asked.made.model, climbed.made.model))
    expected = 10 * np.log10(np.square(wanted).sum() / np.square(wanted - got).sum())
    assert layer(told, "conv3").sqnr_db == pytest.approx(expected, abs=0.1)


def test_operations_and_noise_are_shares_of_known_layers(told: Explanation) -> None:
    assert sum(one.operations_share for one in told.layers) == pytest.approx(1.0)
    assert layer(told, "conv1").noise is not None
    assert layer(told, "head").noise is None
    assert "noise" in layer(told, "head").unknown


def test_executed_precision_is_that_of_the_runtimes(told: Explanation) -> None:
    assert {one.runtime for one in told.runtimes} == {"onnxruntime", "openvino"}
    for one in told.runtimes:
        assert (one.source is None) == bool(one.reason)
    for runtime in (one.runtime for one in told.runtimes if one.source is not None):
        ran = {one.name: next(e for e in one.executed if e.runtime == runtime) for one in told.layers}
        assert (ran["conv0"].precision, ran["conv1"].precision) == ("int8", "fp32")
        assert all(one.precision is not None or one.reason for one in ran.values())


def test_everything_unknown_has_a_reason(told: Explanation) -> None:
    fields = ("grid", "channels", "rounding_sqnr_db", "clipped", "weights_sqnr_db", "sqnr_db", "noise")
    for one in told.layers:
        assert {field for field in fields if getattr(one, field) is None} == set(one.unknown)


def test_an_explanation_is_written_and_read(told: Explanation) -> None:
    assert msgspec.json.decode(msgspec.json.encode(told), type=Explanation) == told


def test_a_rendering_that_no_runtime_here_would_try_says_why(ascent: AscentOf) -> None:
    asked = ascent(rendering="arm")
    found = explain(asked, climb(asked))
    if environment().cpu.architecture not in X86:
        pytest.skip("needs an x86 CPU, on which 'arm' is not worth trying")
    # without VNNI it would not even be exact
    reason = "'arm' is not worth trying" if INT8_DOT & set(environment().cpu.isa) else "not proven for this CPU"
    assert all(reason in one.reason for one in found.runtimes)
    assert all(one.executed == () for one in found.layers)


def test_sixteen_bits_have_no_ranges_to_explain(ascent: AscentOf) -> None:
    asked = ascent(rendering="bf16")
    with pytest.raises(Unsupported, match="leave out --explain"):
        explain(asked, None)  # type: ignore[arg-type]


def _averaged(model: Path, images: tuple[Array, ...]) -> Array:
    """What the network's pooling reads."""
    graph, path = onnx.load(model), model.with_suffix(".averaged.onnx")
    (pool,) = [node for node in graph.graph.node if node.name == "pool"]
    read = onnx.helper.make_tensor_value_info(pool.input[0], onnx.TensorProto.FLOAT, None)
    graph.graph.output.append(read)
    onnx.save(graph, path)
    found: Array = collect(Engine(path, "onnxruntime"), images, 1)[read.name].astype(np.float64)
    return found
