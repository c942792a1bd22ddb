"""A small preparation: made-up photos, and a tiny network with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.host.request import PrepareRequest
from edgetl.recipe import Recipe, recipe_from_data

SIZE = 48


def small_recipe(photos: Path, **changes: Any) -> Recipe:
    """A recipe over ``photos``; keywords replace whole tables."""
    tables: dict[str, Any] = {
        "name": "stripes",
        "data": {"source": str(photos), "test": 0.25, "validation": 0.25},
        "backbone": {
            "name": "timm/test_efficientnet",
            "weights": "random",
            "preprocess": {"height": SIZE, "width": SIZE},
        },
        "adapt": {"method": "linear-probe", "stages": ["blocks.2", "head"], "regularisation": [0.01, 0.1]},
        "quantize": {"calibration": 32, "budget_s": 0},
        "gates": {"accuracy_drop_max": 0.05, "margin": 0.2},
    }
    return recipe_from_data(tables | changes)


@pytest.fixture
def request_of(photos: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes requests that share one cache within a test session, as a user's do."""
    cache = tmp_path_factory.getbasetemp() / "shared-cache"

    def make(**changes: Any) -> PrepareRequest:
        return PrepareRequest(small_recipe(photos, **changes), photos, tmp_path / "out.edgetl", cache, threads=2)

    return make


@pytest.fixture
def detector() -> Callable[..., Path]:
    """Writes a trained model of a user's own, which tells striped photos from flat ones."""
    return stripe_detector


def stripe_detector(path: Path, classes: int = 2) -> Path:
    """A horizontal gradient, squared and pooled: large for stripes."""
    rng = np.random.default_rng(0)
    kernel = np.zeros((8, 3, 3, 3), np.float32)
    kernel[:, :, :, 0], kernel[:, :, :, 2] = -0.2, 0.2
    kernel += rng.normal(scale=0.005, size=kernel.shape).astype(np.float32)
    weight = np.zeros((classes, 8), np.float32)
    weight[0], weight[1] = -4.0, 4.0
    constants = {"kernel": kernel, "weight": weight, "bias": np.float32([5.2, -5.2] + [0.0] * (classes - 2))}
    nodes = [
        helper.make_node("Conv", ["input", "kernel"], ["edges"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["edges"], ["positive"], "relu"),
        helper.make_node("GlobalAveragePool", ["positive"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["scores"], "gemm", transB=1),
        helper.make_node("Softmax", ["scores"], ["probabilities"], "softmax", axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "stripes",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 48, 48])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", classes])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
