"""One cache and one way to run commands, so that stages are computed once for all tests here."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.cli import run

Answer = Callable[..., Any]


@pytest.fixture(scope="session")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """Run a command in this process with ``--json``; the one document on its stdout, parsed."""
    cache = tmp_path_factory.mktemp("stages-cache")

    def of(*arguments: object) -> Any:
        stdout = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout):
            patch.setitem(os.environ, "EDGETL_CACHE", str(cache))
            code = run([*map(str, arguments), "--json"])
        assert code == 0, stdout.getvalue()
        return json.loads(stdout.getvalue())

    return of


@pytest.fixture(scope="session")
def own_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's trained model for 48 x 48 photos normalised as for ImageNet: it answers by the strength of edges."""
    path = tmp_path_factory.mktemp("own") / "model.onnx"
    kernel = np.zeros((4, 3, 3, 3), np.float32)
    kernel[:, :, :, 0], kernel[:, :, :, 2] = -0.05, 0.05
    weight = np.array([[-20.0] * 4, [20.0] * 4], np.float32)
    constants = {"kernel": kernel, "weight": weight, "bias": np.array([5.6, -5.6], np.float32)}
    nodes = [
        helper.make_node("Conv", ["input", "kernel"], ["edges"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["edges"], ["positive"], "relu"),
        helper.make_node("GlobalAveragePool", ["positive"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["logits"], "gemm", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "edges",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 48, 48])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
