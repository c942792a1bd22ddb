"""Extremes of tensors, by channels where there are any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper

from edgetl.explanation import Grid
from edgetl.host.ladder.explain.places import Place
from edgetl.host.ladder.explain.signals import Signal, signals
from edgetl.tensors import Array


def measured(samples: Sequence[Array]) -> Signal:
    """Of the result of a node that is quantized."""
    node = helper.make_node("Relu", ["x"], ["y"], "only")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "length", "last"]) for name in ("x", "y")]
    graph = helper.make_graph([node], "only", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    place = Place(
        node=node,
        tensor="y",
        quantized="y",
        missing="",
        grid=Grid(0.0, 255 / 64, 1 / 64, "uint8"),
        weights=None,
        is_int8=True,
        is_head=False,
        is_depthwise=False,
        can_equalise=False,
        reads=(),
    )
    return signals(model, model, [place], [{"x": one} for one in samples], 1)["only"]


def test_channels_are_told_apart_over_samples_of_several_lengths() -> None:
    rows = [np.float32([[[0, 0], [1, 0.5]]]), np.float32([[[0, 0], [1, 1], [2, 0.5]]])]
    found = measured(rows)
    assert found.channels is not None
    assert (found.channels.n, found.channels.spread) == (2, 2.0)
    assert (found.seen.low, found.seen.high) == (0, 2)


def test_where_the_last_size_differs_between_samples_there_are_no_channels() -> None:
    found = measured([np.float32([[[0, 1]]]), np.float32([[[0, 2, 1]]]), np.float32([[[3, 0]]])])
    assert found.channels is None
    assert found.unknown["channels"] == "it has no channels that vary"
    assert (found.seen.low, found.seen.high) == (0, 3)
