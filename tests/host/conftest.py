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
from edgetl.tensors import Array

SIZE = 48
WORDS = 64


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
    weight[0], weight[min(1, classes - 1)] = -4.0, 4.0
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


@pytest.fixture(scope="session")
def embedder() -> Callable[[Path], Path]:
    """Writes a model of tokens: ids and a mask to the mean of those that count, after one block of a transformer."""
    return sentence_embedder


@pytest.fixture(scope="session")
def sentences() -> Callable[..., tuple[dict[str, Array], ...]]:
    """Makes samples for it, of two lengths in turn; the last token of every third does not count."""

    def make(count: int, seed: int = 0) -> tuple[dict[str, Array], ...]:
        rng, made = np.random.default_rng(seed), []
        for place in range(count):
            ids = rng.integers(0, WORDS, (1, 5 + 4 * (place % 2)))
            mask = np.ones_like(ids)
            mask[0, -1] = place % 3 != 0
            made.append({"ids": ids, "mask": mask})
        return tuple(made)

    return make


def sentence_embedder(path: Path, width: int = 16) -> Path:
    """Attention of one head under a mask, a hidden layer, sums and normalisation around both, and a mean."""
    rng = np.random.default_rng(5)
    shapes = {"words": (WORDS, width), "qkv": (width, 3 * width), "out": (width, width)}
    shapes |= {"up": (width, 2 * width), "down": (2 * width, width)}
    constants: dict[str, Array] = {
        name: (rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32) for name, shape in shapes.items()
    }
    # of unequal channels int8 loses enough that training gains something
    factors = (30 ** rng.permutation(np.linspace(0, 1, 2 * width))).astype(np.float32)
    constants["up"], constants["down"] = constants["up"] / factors, constants["down"] * factors[:, None]
    constants |= {"gain": np.ones(width, np.float32), "shift": np.zeros(width, np.float32)}
    constants |= {"root": np.float32(0.25), "never": np.float32(-1e9), "zero": np.int64(0)}
    constants |= {"thirds": np.int64([width] * 3), "middle": np.int64([1]), "end": np.int64([-1])}
    layers: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("Gather", "words ids", "x", {}), ("LayerNormalization", "x gain shift", "n", {"axis": -1}),
        ("MatMul", "n qkv", "all", {}), ("Split", "all thirds", "q k v", {"axis": -1}),
        ("Transpose", "k", "kt", {"perm": [0, 2, 1]}), ("MatMul", "q kt", "products", {}),
        ("Mul", "products root", "scores", {}), ("Equal", "mask zero", "unread", {}),
        ("Unsqueeze", "unread middle", "row", {}), ("Where", "row never scores", "masked", {}),
        ("Softmax", "masked", "shares", {"axis": -1}), ("MatMul", "shares v", "mixed", {}),
        ("MatMul", "mixed out", "o", {}), ("Add", "n o", "y", {}),
        ("LayerNormalization", "y gain shift", "m", {"axis": -1}), ("MatMul", "m up", "h", {}),
        ("Relu", "h", "a", {}), ("MatMul", "a down", "d", {}), ("Add", "m d", "z", {}),
        ("Cast", "mask", "counts", {"to": TensorProto.FLOAT}), ("Unsqueeze", "counts end", "column", {}),
        ("Mul", "z column", "counted", {}), ("ReduceSum", "counted middle", "sums", {"keepdims": 0}),
        ("ReduceSum", "counts middle", "n_tokens", {"keepdims": 1}), ("Div", "sums n_tokens", "embedding", {}),
    )  # fmt: skip
    nodes = [
        helper.make_node(kind, reads.split(), writes.split(), f"{kind}_{place}", **more)
        for place, (kind, reads, writes, more) in enumerate(layers)
    ]
    graph = helper.make_graph(
        nodes,
        "embedder",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in ("ids", "mask")],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", width])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
