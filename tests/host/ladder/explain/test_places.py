"""Places show what the graph has that ships; what it has in float they show as it would be in int8."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgetl.host.graph import read_graph, weights_of
from edgetl.host.ladder import Ascent
from edgetl.host.ladder.attempts import made
from edgetl.host.ladder.explain.places import Place, places
from edgetl.host.ladder.rungs import FIRST, Rung, mixed
from edgetl.host.quantize.rules.view import View

AscentOf = Callable[..., Ascent]


def rendered(asked: Ascent, rung: Rung) -> onnx.ModelProto:
    with made(asked, rung) as variant:
        return read_graph(variant.model)


def moved(quantized: onnx.ModelProto, layer: str, steps: int) -> onnx.ModelProto:
    """The graph with every positive integer of a layer's weights as many steps smaller, as training might move them."""
    found = onnx.ModelProto()
    found.CopyFrom(quantized)
    node = next(node for node in found.graph.node if node.name == layer)
    dequantizer = View.of(found).dequantizer(node.input[1])
    assert dequantizer is not None
    constant = weights_of(found)[dequantizer.input[0]]
    integers = numpy_helper.to_array(constant)
    constant.CopyFrom(numpy_helper.from_array(np.where(integers > 0, integers - steps, integers), constant.name))
    return found


@pytest.fixture
def asked(ascent: AscentOf) -> Ascent:
    return ascent()


def found(asked: Ascent, shipped: onnx.ModelProto, whole: onnx.ModelProto) -> dict[str, Place]:
    return {place.node.name: place for place in places(read_graph(asked.made.model), shipped, whole)}


def test_a_layer_in_int8_has_the_integers_that_ship(asked: Ascent) -> None:
    whole = rendered(asked, FIRST[1])

    before, after = found(asked, whole, whole), found(asked, moved(whole, "conv0", 9), whole)

    first, second = before["conv0"].weights, after["conv0"].weights
    assert first is not None
    assert second is not None
    assert float((first.got - second.got).max()) == pytest.approx(9 * np.abs(first.got).max() / 127, rel=0.02)
    assert after["conv0"].grid == before["conv0"].grid
    assert np.array_equal(after["conv2"].weights.got, before["conv2"].weights.got)  # type: ignore[union-attr]


def test_a_layer_in_float_has_those_it_would_have(asked: Ascent) -> None:
    whole = rendered(asked, FIRST[1])
    shipped = rendered(asked, mixed(FIRST[1], 1, frozenset({"conv1"})))

    place = found(asked, shipped, moved(whole, "conv1", 9))["conv1"]

    assert not place.is_int8
    assert place.grid is not None
    assert place.weights is not None
    assert float(np.abs(place.weights.got - place.weights.wanted).max()) > 0.05 * float(place.weights.wanted.max())
