"""Convolutions and matrix products alike: rows of inputs times a matrix of weights, in groups."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgetl.host.quantize.rules.view import attributes_of
from edgetl.tensors import Array

LAYERS = frozenset(("Conv", "Gemm", "MatMul"))


def matrix_of(node: onnx.NodeProto, weight: Array) -> Array | None:
    """Weights as ``(groups, outputs per group, inputs per output)``; ``None`` for what is no such product here.

    A Gemm's ``alpha`` is left out of account.
    """
    if node.op_type == "Conv":
        groups = int(attributes_of(node).get("group", 1))
        matrix: Array = weight.reshape(groups, weight.shape[0] // groups, -1)
        return matrix
    if weight.ndim != 2 or node.op_type not in LAYERS:
        return None
    return weight[None] if _is_transposed(node) else weight.T[None]


def weight_of(node: onnx.NodeProto, matrix: Array, shape: tuple[int, ...]) -> Array:
    """Undo :func:`matrix_of`."""
    weight: Array = matrix.reshape(shape) if node.op_type == "Conv" or _is_transposed(node) else matrix[0].T
    return np.ascontiguousarray(weight)


def rows_of(node: onnx.NodeProto, weight: Array, x: Array, places: tuple[int, int]) -> NDArray[np.float32] | None:
    """What a layer multiplies its weights by, at evenly spaced places: ``(groups, rows, inputs per output)``.

    Args:
        x: the layer's input for one image.
        places: how many at most, and how far the first is moved, so that several images cover all.

    Returns:
        ``None`` for layers whose rows are not known here: padded by a rule, or not two-dimensional.
    """
    attributes = attributes_of(node)
    if node.op_type != "Conv":
        if node.op_type == "Gemm" and attributes.get("transA"):
            return None
        rows = x.reshape(-1, x.shape[-1])
        return rows[_spread(len(rows), *places)][None]
    if x.ndim != 4 or attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        return None
    return _patches(attributes, weight, x[0], places)


def _patches(attributes: dict[str, Any], weight: Array, x: Array, places: tuple[int, int]) -> NDArray[np.float32]:
    """Patches of an image ``(channels, height, width)`` under the kernel."""
    kernel, groups = weight.shape[2:], int(attributes.get("group", 1))
    strides, dilations = attributes.get("strides", [1, 1]), attributes.get("dilations", [1, 1])
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right)))
    sizes = [
        (padded.shape[axis + 1] - dilations[axis] * (kernel[axis] - 1) - 1) // strides[axis] + 1 for axis in (0, 1)
    ]
    chosen = _spread(math.prod(sizes), *places)
    y = (chosen // sizes[1] * strides[0])[:, None] + np.arange(kernel[0]) * dilations[0]
    z = (chosen % sizes[1] * strides[1])[:, None] + np.arange(kernel[1]) * dilations[1]
    found = padded[:, y[:, :, None], z[:, None, :]]  # (channels, places, kernel height, kernel width)
    grouped = found.reshape(groups, -1, len(chosen), math.prod(kernel)).transpose(0, 2, 1, 3)
    rows: NDArray[np.float32] = np.ascontiguousarray(grouped).reshape(groups, len(chosen), -1)
    return rows


def _spread(total: int, count: int, offset: int) -> NDArray[np.int64]:
    step = max(total // count, 1)
    return (np.arange(min(count, total)) * step + offset) % total


def _is_transposed(node: onnx.NodeProto) -> bool:
    return node.op_type == "Gemm" and bool(attributes_of(node).get("transB"))
