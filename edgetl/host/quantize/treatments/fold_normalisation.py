"""Fold a batch normalisation behind a convolution or product into its weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edgetl.host.quantize.rewrites import add_missing_biases, plain_gemms, unshare_weights, without_unused_weights
from edgetl.host.quantize.rules.view import View, attributes_of
from edgetl.tensors import Array, Feed


def fold_normalisation(graph: onnx.ModelProto) -> tuple[str, ...]:
    """Fold every BatchNormalization that is the only reader of a Conv or Gemm; changed in place.

    Quantized apart, the two round twice, and runtimes that fold after quantization change the scales of weights.

    Returns:
        Names of the layers that took one up.

    References:
        Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
        2018 (arXiv:1712.05877), section 3.2.
    """
    found = [(layer, norm) for layer, norm in _pairs(View.of(graph))]
    if not found:
        return ()
    unshare_weights(graph)
    plain_gemms(graph)
    add_missing_biases(graph)
    view = View.of(graph)
    folded = tuple(layer.name for layer, norm in found if _fold(view, layer, norm))
    without_unused_weights(graph.graph)
    return folded


def _pairs(view: View) -> list[tuple[onnx.NodeProto, onnx.NodeProto]]:
    found = []
    for norm in view.nodes("BatchNormalization"):
        layer = view.producers.get(norm.input[0])
        is_alone = view.only_reader(norm.input[0]) is not None
        if layer is not None and layer.op_type in ("Conv", "Gemm") and is_alone and _is_constant(view, layer, norm):
            found.append((layer, norm))
    return found


def _is_constant(view: View, layer: onnx.NodeProto, norm: onnx.NodeProto) -> bool:
    names = (*norm.input[1:], *layer.input[1:])
    is_trained = not attributes_of(norm).get("training_mode", 0) and len([name for name in norm.output if name]) == 1
    has_bias = layer.op_type == "Conv" or (len(layer.input) > 2 and attributes_of(layer).get("alpha", 1.0) == 1.0)
    return is_trained and has_bias and all(name in view.constants for name in names)


def _fold(view: View, layer: onnx.NodeProto, norm: onnx.NodeProto) -> bool:
    scale, shift, mean, variance = (_values(view, name) for name in norm.input[1:])
    factor = scale / np.sqrt(variance + attributes_of(norm).get("epsilon", 1e-5))
    weight, bias = _values(view, layer.input[1]), _values(view, layer.input[2])
    outputs_last = layer.op_type == "Gemm" and not attributes_of(layer).get("transB")
    shape = (1, -1) if outputs_last else (-1, *[1] * (weight.ndim - 1))
    _store(view, layer.input[1], weight * factor.reshape(shape))
    _store(view, layer.input[2], (bias - mean) * factor + shift)
    layer.output[0] = norm.output[0]
    view.model.graph.node.remove(norm)
    return True


def _values(view: View, name: str) -> NDArray[np.float64]:
    return np.asarray(numpy_helper.to_array(view.constants[name])).astype(np.float64)


def _store(view: View, name: str, values: Array) -> None:
    view.constants[name].CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))


@dataclass(frozen=True)
class FoldNormalisation:
    """:func:`fold_normalisation` as an entry of the table."""

    name: str = "fold-normalisation"
    done: str = "normalisation folded"

    def is_due(self, graph: onnx.ModelProto) -> bool:
        """Never: an exporter folds them as a rule."""
        return False

    def rewrite(self, graph: onnx.ModelProto, samples: Iterable[Feed], threads: int) -> tuple[str, ...]:
        """Names of the layers that took a normalisation up; needs no samples."""
        return fold_normalisation(graph)


TREATMENT = FoldNormalisation()
