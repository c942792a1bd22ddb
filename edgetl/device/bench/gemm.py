"""A graph that does nothing but multiply matrices, to see how fast a runtime can."""

from __future__ import annotations

import numpy as np

from edgetl.device.bench.onnx_bytes import Graph, Node, onnx_bytes
from edgetl.tensors import Array, DType, TensorSpec

SIDE = 512
"""Rows and columns: in int8 and bf16 both factors fit in the caches of a core."""
PRODUCTS = 8
"""In a row, so that reading the input and converting it count for little."""
OPERATIONS = 2 * SIDE**3 * PRODUCTS
"""Of one inference; a multiplication and an addition are two."""
INPUT = "x"


def gemm_onnx(quantized: bool) -> bytes:
    """``y = x W W ... W`` with square matrices; quantized with Q/DQ pairs around every product, as int8 renderings are.

    The input is ``uint8`` where the graph is quantized, else ``float32``.
    """
    return onnx_bytes(_quantized() if quantized else _float())


def gemm_input(quantized: bool) -> Array:
    """What the graph multiplies: ``(SIDE, SIDE)``."""
    random = np.random.default_rng(0)
    if quantized:
        return random.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    return random.normal(size=(SIDE, SIDE)).astype(np.float32)


def _float() -> Graph:
    # products of such matrices keep their size, so no number becomes infinite or denormal, which would be slow
    weight = (np.random.default_rng(1).normal(size=(SIDE, SIDE)) / np.sqrt(SIDE)).astype(np.float32)
    names = [INPUT, *(f"product{i}" for i in range(PRODUCTS))]
    nodes = tuple(Node("MatMul", (names[i], "weight"), names[i + 1]) for i in range(PRODUCTS))
    shape = (SIDE, SIDE)
    return Graph(
        nodes,
        (TensorSpec(INPUT, "float32", shape),),
        (TensorSpec(names[-1], "float32", shape),),
        {"weight": weight},
    )


def _quantized() -> Graph:
    random = np.random.default_rng(1)
    constants: dict[str, Array] = {
        "weight_int8": random.integers(-127, 128, (SIDE, SIDE)).astype(np.int8),
        # a standard deviation of 73 becomes 1 / sqrt(SIDE)
        "weight_scale": _scalar(1 / 73 / np.sqrt(SIDE), "float32"),
        "weight_zero": _scalar(0, "int8"),
        "scale": _scalar(1 / 73, "float32"),
        "zero": _scalar(128, "uint8"),
    }
    nodes = [Node("DequantizeLinear", ("weight_int8", "weight_scale", "weight_zero"), "weight")]
    codes = INPUT
    for i in range(PRODUCTS):
        nodes.append(Node("DequantizeLinear", (codes, "scale", "zero"), f"values{i}"))
        nodes.append(Node("MatMul", (f"values{i}", "weight"), f"product{i}"))
        codes = f"codes{i}"
        nodes.append(Node("QuantizeLinear", (f"product{i}", "scale", "zero"), codes))
    shape = (SIDE, SIDE)
    return Graph(tuple(nodes), (TensorSpec(INPUT, "uint8", shape),), (TensorSpec(codes, "uint8", shape),), constants)


def _scalar(value: float, dtype: DType) -> Array:
    return np.array(value, dtype)
