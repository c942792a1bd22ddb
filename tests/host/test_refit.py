"""Promises of :mod:`edgetl.host.refit`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.host.adapt import Head
from edgetl.host.graph import HEAD
from edgetl.host.refit import ends_in

OWN = Head(np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32), np.float32([1, -2]))


def written(path: Path, transposed: bool, name: str = HEAD) -> Path:
    weight = OWN.weight if transposed else np.ascontiguousarray(OWN.weight.T)
    constants = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(OWN.bias, "b")]
    nodes = [
        helper.make_node("Relu", ["x"], ["features"]),
        helper.make_node("Gemm", ["features", "w", "b"], ["logits"], name, transB=int(transposed)),
    ]
    values = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["N", k]) for n, k in (("x", 4), ("logits", 2))]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:], constants)), path)
    return path


@pytest.mark.parametrize("transposed", [True, False])
def test_a_graph_ends_in_its_own_head_however_it_is_written(tmp_path: Path, transposed: bool) -> None:
    assert ends_in(written(tmp_path / "model.onnx", transposed), OWN)


@pytest.mark.parametrize(
    "other",
    [
        lambda own: Head(own.weight, own.bias + np.float32(1e-3)),
        lambda own: Head(own.weight[:, ::-1], own.bias),
        lambda own: Head(own.weight[:, :3], own.bias),
        lambda own: Head(np.tile(own.weight, (2, 1)), np.tile(own.bias, 2)),
    ],
    ids=["another bias", "other weights", "of fewer features", "of more classes"],
)
def test_a_graph_ends_in_no_other_head(tmp_path: Path, other: Callable[[Head], Head]) -> None:
    assert not ends_in(written(tmp_path / "model.onnx", transposed=True), other(OWN))


def test_a_graph_of_somebody_else_ends_in_no_head(tmp_path: Path) -> None:
    assert not ends_in(written(tmp_path / "model.onnx", transposed=True, name="last"), OWN)
