"""Second moments of what layers read: what rounding must know to err where it costs least."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edgetl.host.graph import backbone_digest, read_graph, weights_of
from edgetl.host.quantize.activations import activations
from edgetl.host.quantize.calibrate import float_tensors
from edgetl.host.quantize.treatments.products import LAYERS, matrix_of, rows_of
from edgetl.tensors import Array, Feed

WIDEST = 2304
"""Inputs per output beyond which a layer is left out: a covariance of 2,304 squared takes 21 MB."""
PLACES = (16, 128)
"""Fewest and most rows per sample and layer, evenly spaced; neighbouring places of an image tell much the same."""
IMAGES = 64
"""How many samples of a calibration are enough: with those, a layer has up to 16 rows per input."""


_Sums = tuple[NDArray[np.float32], NDArray[np.float32], int]


@dataclass(frozen=True)
class LayerMoments:
    """Of the rows that a layer multiplies by its weights, ``d`` numbers each, in ``g`` groups."""

    mean: NDArray[np.float32]
    """``(g, d)``"""
    second: NDArray[np.float32]
    """``(g, d, d)``: the mean of every product of two of the numbers."""


@dataclass(frozen=True)
class Moments:
    """Of the layers of one float graph, by the name of their node; those that are too wide are missing."""

    graph_sha256: str
    """Of the graph without its head, as in a calibration record."""
    images: int
    layers: Mapping[str, LayerMoments] = field(repr=False)


def collect_moments(model: Path, samples: Iterable[Feed], threads: int = 1) -> Moments:
    """Run a float graph over samples and keep the moments of the inputs of its layers.

    Memory is that of one sample's activations and of the moments themselves: 4 bytes times the square of a layer's
    inputs per output, times its groups.

    Args:
        model: a float ONNX graph.
        samples: what it takes for each; :data:`IMAGES` of the calibration's are enough.
    """
    graph = read_graph(model)
    layers = _layers(graph)
    sums: dict[str, _Sums] = {}
    count = 0
    names = tuple(dict.fromkeys(node.input[0] for node, _, _ in layers))
    for tensors in activations(graph, names, samples, threads):
        for node, weight, places in layers:
            rows = rows_of(node, weight, tensors[node.input[0]], (places, count))
            if rows is not None:
                _add(sums, node.name, rows)
        count += 1
    found = {
        name: LayerMoments(total / np.float32(seen), products / np.float32(seen))
        for name, (total, products, seen) in sums.items()
    }
    return Moments(backbone_digest(graph), count, found)


def _layers(graph: onnx.ModelProto) -> list[tuple[onnx.NodeProto, Array, int]]:
    """Layers with their weights, and how many rows of each sample to look at."""
    constants, floats = weights_of(graph), float_tensors(graph)
    found = []
    for node in graph.graph.node:
        is_layer = node.op_type in LAYERS and node.input[1] in constants and node.input[0] in floats
        if is_layer and node.input[0] not in constants:
            weight = np.asarray(numpy_helper.to_array(constants[node.input[1]]))
            matrix = matrix_of(node, weight)
            if matrix is not None and matrix.shape[2] <= WIDEST:
                found.append((node, weight, min(max(matrix.shape[2] // 4, PLACES[0]), PLACES[1])))
    return found


def _add(sums: dict[str, _Sums], name: str, rows: NDArray[np.float32]) -> None:
    total, products = rows.sum(1), rows.transpose(0, 2, 1) @ rows
    if name in sums:
        before = sums[name]
        # in place, so that a layer's moments are never held three times
        before[0][...] += total
        before[1][...] += products
        sums[name] = (before[0], before[1], before[2] + rows.shape[1])
    else:
        sums[name] = (total, products, rows.shape[1])
