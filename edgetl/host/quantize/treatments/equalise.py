"""Scale channels between two layers so that each uses the whole range of the tensor between them.

References:
    Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", 2019 (arXiv:1906.04721),
    section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgetl.errors import DataError
from edgetl.host.graph import weights_of
from edgetl.host.naming import fresh_name, tensor_names
from edgetl.host.quantize.activations import activations
from edgetl.host.quantize.rewrites import unshare_weights
from edgetl.host.quantize.rules.view import attributes_of
from edgetl.host.quantize.treatments.chains import Chain, chains
from edgetl.tensors import Array, Feed

_SPREAD = 2.0**-12
"""Channels (and weights) smaller than this share of the largest count as that large: they are dead, or all but."""
_WORTH = 1.02
"""Factors that all lie this near each other change nothing."""


def equalise(graph: onnx.ModelProto, samples: Iterable[Feed], threads: int = 1) -> tuple[str, ...]:
    """Divide the channels between two convolutions by factors and multiply the weights that read them; in place.

    The paper equalises the ranges of the weights before and behind a tensor, since there each layer's weights have
    one scale. Here every output channel has a scale of its own, which takes up any factor. What suffers from unequal
    channels is the tensor in between, and the weights of a dense layer behind it, whose inputs share a scale. So the
    factor of a channel is its largest activation on the samples where a depthwise layer reads it, and otherwise the
    root of that over the largest weight that reads it (relative to the largest of its output), as in SmoothQuant.

    ReLU and leaky ones pass a positive factor on. A ReLU6 clips each channel at 6 over its factor after that, which
    is one more node with a bound for each channel. Factors are limited so that every bound is at or above the
    largest activation of the whole tensor on the samples: a quantized tensor ends there anyway, and renderings leave
    the node out.

    Args:
        samples: of the calibration.

    Returns:
        Names of the layers whose weights changed.

    References:
        Xiao et al., "SmoothQuant", 2023 (arXiv:2211.10438), section 4.
    """
    found = chains(graph)
    if not found:
        return ()
    unshare_weights(graph)
    found = chains(graph)
    peaks = _peaks(graph, tuple(chain.tensor for chain in found), samples, threads)
    changed: set[str] = set()
    constants = weights_of(graph)
    for chain in found:
        factors = _factors(chain, _array(constants, chain.reader.input[1]), peaks[chain.tensor])
        if factors is not None:
            _scale(constants, chain, factors)
            _bound(graph, chain, factors)
            changed |= {chain.producer.name, chain.reader.name}
    return tuple(node.name for node in graph.graph.node if node.name in changed)


def _peaks(
    graph: onnx.ModelProto, names: tuple[str, ...], samples: Iterable[Feed], threads: int
) -> dict[str, NDArray[np.float64]]:
    """Largest absolute value of every channel."""
    peaks: dict[str, NDArray[np.float64]] = {}
    for tensors in activations(graph, names, samples, threads):
        for name, values in tensors.items():
            axes = tuple(axis for axis in range(values.ndim) if axis != 1)
            largest = np.abs(values).max(axes).astype(np.float64)
            peaks[name] = np.maximum(peaks.get(name, largest), largest)
    if names and not peaks:
        raise DataError("treatment 'equalise' got no samples; give it those of the calibration")
    return peaks


def _factors(chain: Chain, weight: Array, peaks: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """What each channel is divided by; ``None`` where there is nothing to gain."""
    top = peaks.max(initial=0.0)
    if top <= 0:
        return None
    peaks = np.maximum(peaks, _SPREAD * top)
    factors = peaks if weight.shape[1] == 1 else np.sqrt(peaks / _sizes(chain.reader, weight))
    # the whole tensor keeps its largest value, so that neither side of the chain grows out of all bounds
    factors = factors * (peaks / factors).max() / top
    if chain.limit is not None:
        factors = np.minimum(factors, chain.limit / top)
    return factors if factors.max() > _WORTH * factors.min() else None


def _sizes(reader: onnx.NodeProto, weight: Array) -> NDArray[np.float64]:
    """Largest weight that reads each channel, as a share of the largest weight of its output."""
    flat = np.abs(weight.astype(np.float64)).reshape(*weight.shape[:2], -1).max(2)
    shares = flat / np.maximum(flat.max(1, keepdims=True), np.finfo(np.float32).tiny)
    groups = int(attributes_of(reader).get("group", 1))
    sizes = shares.reshape(groups, -1, weight.shape[1]).max(1).reshape(-1)
    limited: NDArray[np.float64] = np.maximum(sizes, _SPREAD)
    return limited


def _scale(constants: Mapping[str, onnx.TensorProto], chain: Chain, factors: NDArray[np.float64]) -> None:
    for name in (name for name in chain.producer.input[1:] if name):
        values = _array(constants, name)
        _store(constants, name, values / factors.reshape(-1, *[1] * (values.ndim - 1)))
    weight = _array(constants, chain.reader.input[1])
    groups = int(attributes_of(chain.reader).get("group", 1))
    read = np.repeat(factors.reshape(groups, -1), len(weight) // groups, axis=0)
    _store(constants, chain.reader.input[1], weight * read.reshape(*read.shape, *[1] * (weight.ndim - 2)))


def _bound(graph: onnx.ModelProto, chain: Chain, factors: NDArray[np.float64]) -> None:
    """Let a clipping activation end each channel at a bound of its own: the least of it and a bound, and a ReLU."""
    if chain.limit is None or chain.activation is None:
        return
    clip, dimensions = chain.activation, len(weights_of(graph)[chain.producer.input[1]].dims) - 2
    taken = tensor_names(graph.graph) | {node.name for node in graph.graph.node}
    name, bounded = fresh_name(f"{clip.name}_bound", taken), fresh_name(f"{clip.output[0]}_bounded", taken)
    bounds = (chain.limit / factors).astype(np.float32).reshape(-1, *[1] * dimensions)
    graph.graph.initializer.append(numpy_helper.from_array(bounds, name))
    least = helper.make_node("Min", [clip.input[0], name], [bounded], name)
    relu = helper.make_node("Relu", [bounded], list(clip.output), clip.name)
    place = list(graph.graph.node).index(clip)
    graph.graph.node.insert(place, least)
    clip.CopyFrom(relu)


def _array(constants: Mapping[str, onnx.TensorProto], name: str) -> Array:
    values: Array = np.asarray(numpy_helper.to_array(constants[name]))
    return values


def _store(constants: Mapping[str, onnx.TensorProto], name: str, values: Array) -> None:
    constants[name].CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))


@dataclass(frozen=True)
class Equalise:
    """:func:`equalise` as an entry of the table."""

    name: str = "equalise"
    done: str = "channels equalised"

    def is_due(self, graph: onnx.ModelProto) -> bool:
        """Never: most networks have nothing to gain."""
        return False

    def rewrite(self, graph: onnx.ModelProto, samples: Iterable[Feed], threads: int) -> tuple[str, ...]:
        """Names of the layers whose weights changed."""
        return equalise(graph, samples, threads)


TREATMENT = Equalise()
