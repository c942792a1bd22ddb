"""Move large channels of what products read into the weights that read them.

References:
    Xiao et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models", 2023
    (arXiv:2211.10438), section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgetl.host.graph import head_nodes
from edgetl.host.naming import fresh_name, tensor_names
from edgetl.host.quantize.calibrate import float_tensors
from edgetl.host.quantize.rewrites import unshare_weights, without_unused_weights
from edgetl.host.quantize.rules.view import View, attributes_of
from edgetl.host.quantize.treatments.channels import Channels, Held, channels_of
from edgetl.host.quantize.treatments.products import matrix_of, weight_of
from edgetl.tensors import Array, Feed

_SPREAD = 2.0**-12
"""Channels (and weights) smaller than this share of the largest count as that large: they are dead, or all but."""
_STRENGTHS = tuple(step / 10 for step in range(11))
"""How much of a channel's size its weights take over; the paper's ``alpha``."""
_WORTH = 0.9
"""Share of the expected noise that has to be left at most, for a factor may cost a node."""
_STEPS = (255.0, 127.0)
"""Of activations from the lowest to the highest value, and of weights from 0 to the largest."""


@dataclass(frozen=True)
class Group:
    """Products with constant weights that read one tensor, whose last axis they sum over."""

    tensor: str
    readers: tuple[onnx.NodeProto, ...]


def smooth(graph: onnx.ModelProto, samples: Iterable[Feed], threads: int = 1) -> tuple[str, ...]:
    """Divide channels that products read by factors and multiply the weights that read them; changed in place.

    The tokens of a transformer have a few channels that are many times as large as the others, which all of them
    share a scale with. A factor of ``largest ** a / weight ** (1 - a)`` divides a channel between the two, as in the
    paper; its strength ``a`` is not one for all, but for each tensor that of which the least noise is to be expected:
    of rounding the tensor with one step, and the weights with a step for each output, and of what the range of one half
    of the samples cuts off of the other half.

    The division is that of a layer normalisation right before, or of a product with a constant for each channel, where
    nothing else reads what they make. Elsewhere it is a product more, in float: one number, such as the half of a GELU,
    is what runtimes know an activation by.

    Args:
        samples: of the calibration.

    Returns:
        Names of the layers whose weights changed.
    """
    if not groups(graph):
        return ()
    unshare_weights(graph)
    found = groups(graph)
    seen = channels_of(graph, tuple(group.tensor for group in found), samples, threads)
    changed: set[str] = set()
    for group in found:
        view = View.of(graph)
        weights = [_matrix(view, node) for node in group.readers]
        factors = best_factors(weights, seen[group.tensor])
        if factors is not None:
            for node, weight in zip(group.readers, weights, strict=True):
                _store(view, node, weight * factors.astype(np.float32))
            _divide(view, group, factors)
            changed |= {node.name for node in group.readers}
    without_unused_weights(graph.graph)
    return tuple(node.name for node in graph.graph.node if node.name in changed)


def groups(graph: onnx.ModelProto) -> tuple[Group, ...]:
    """All of a graph but its head, which stays in float; in the order of the first that reads each tensor."""
    view, floats, head = View.of(graph), float_tensors(graph), head_nodes(graph)
    found: dict[str, list[onnx.NodeProto]] = {}
    for node in view.nodes("Gemm", "MatMul"):
        weight = view.constants.get(node.input[1])
        is_product = weight is not None and len(weight.dims) == 2 and not attributes_of(node).get("transA")
        if is_product and node.name not in head and node.input[0] in floats and node.input[0] not in view.constants:
            found.setdefault(node.input[0], []).append(node)
    return tuple(Group(tensor, tuple(readers)) for tensor, readers in found.items())


def best_factors(weights: Sequence[Array], channels: Channels) -> NDArray[np.float64] | None:
    """What each channel is to be divided by; ``None`` where there is nothing to gain.

    Args:
        weights: of all products that read the tensor, ``(outputs, channels)`` each.
    """
    top = channels.seen.sizes.max(initial=0.0)
    if top <= 0 or not np.isfinite(top):
        return None
    largest = np.max([_shares(weight) for weight in weights], axis=0)
    noises = np.array([_held_out_noise(weights, channels, largest, strength) for strength in _STRENGTHS])
    best = int(np.argmin(noises.sum(axis=1)))
    if np.any(noises[best] >= _WORTH * _held_out_noise(weights, channels, largest, None)):
        return None
    return _factors(channels.seen, largest, _STRENGTHS[best])


def _factors(seen: Held, largest: NDArray[np.float64], strength: float | None) -> NDArray[np.float64]:
    top = max(float(seen.sizes.max()), float(np.finfo(np.float32).tiny))
    if strength is None:
        return np.ones_like(largest)
    sizes = np.maximum(seen.sizes, _SPREAD * top)
    factors: NDArray[np.float64] = sizes**strength / largest ** (1 - strength)
    # the tensor keeps its largest value, so that neither side grows out of all bounds
    factors *= (sizes / factors).max() / top
    return factors


def _held_out_noise(
    weights: Sequence[Array], channels: Channels, largest: NDArray[np.float64], strength: float | None
) -> NDArray[np.float64]:
    """What rounding and cutting off add, by factors and ranges of one half of the samples on the other; ``(2,)``.

    Channels that are stretched to the largest value of few samples are cut off on the next ones.
    """
    (one, own), (two, others) = channels.halves
    found = []
    for seen, rows in ((one, others), (two, own)):
        factors = _factors(seen, largest, strength)
        beyond = np.square(rows - np.clip(rows / factors, *seen.over(factors)) * factors).mean(axis=0)
        powers = (np.einsum("oc,oc->c", weight, weight, dtype=np.float64) for weight in weights)
        cut_off = np.mean([float(power @ beyond) / _floor(power @ channels.seen.variance) for power in powers])
        found.append(expected_noise(weights, seen, channels.seen.variance, factors) + cut_off)
    return np.array(found)


def expected_noise(
    weights: Sequence[Array], seen: Held, variance: NDArray[np.float64], factors: NDArray[np.float64]
) -> float:
    """Variance that rounding adds, by that of what products make, averaged over them; of independent channels."""
    low, high = seen.over(factors)
    step, noises = (high - low) / _STEPS[0], []
    for weight in weights:
        squares = np.einsum("oc,oc->c", weight, weight, dtype=np.float64)
        steps = (np.abs(weight) * factors.astype(weight.dtype)).max(1).astype(np.float64) / _STEPS[1]
        of_tensor = squares @ factors**2 * step**2 / 12
        of_weights = np.square(steps).sum() * (variance / factors**2).sum() / 12
        noises.append((of_tensor + of_weights) / _floor(squares @ variance))
    return float(np.mean(noises))


def _floor(value: float) -> float:
    return max(float(value), float(np.finfo(np.float64).tiny))


def _shares(weight: Array) -> NDArray[np.float64]:
    """Largest weight that reads each channel, as a share of the largest of its output."""
    sizes = np.abs(weight)
    rows = np.maximum(sizes.max(1, keepdims=True), np.finfo(np.float32).tiny)
    shares: NDArray[np.float64] = np.maximum((sizes / rows).max(0), _SPREAD).astype(np.float64)
    return shares


def _divide(view: View, group: Group, factors: NDArray[np.float64]) -> None:
    """Divide the channels of a tensor for the products that read it: where they are made, or by a node of its own."""
    graph, name = view.model.graph, group.tensor
    taken = set(tensor_names(graph)) | {node.name for node in graph.node}
    places = _constant_places(view, name, factors.size) if _is_alone(view, group) else ()
    for node, place in places:
        values = numpy_helper.to_array(view.constants[node.input[place]])
        divided = fresh_name(f"{node.input[place]}_smoothed", taken)
        taken.add(divided)
        graph.initializer.append(numpy_helper.from_array((values / factors).astype(np.float32), divided))
        node.input[place] = divided
    if places:
        return
    inverse, smoothed = fresh_name(f"{name}_factors", taken), fresh_name(f"{name}_smoothed", taken)
    graph.initializer.append(numpy_helper.from_array((1 / factors).astype(np.float32), inverse))
    first = min(list(graph.node).index(node) for node in group.readers)
    for node in group.readers:
        node.input[0] = smoothed
    graph.node.insert(first, helper.make_node("Mul", [name, inverse], [smoothed], smoothed))


def _is_alone(view: View, group: Group) -> bool:
    """Whether nothing but the group reads its tensor, and that as a factor only."""
    is_output = any(value.name == group.tensor for value in view.model.graph.output)
    is_output = is_output or any(group.tensor in node.input[1:] for node in group.readers)
    own = {node.output[0] for node in group.readers}
    return not is_output and {node.output[0] for node in view.readers[group.tensor]} == own


def _constant_places(view: View, tensor: str, channels: int) -> tuple[tuple[onnx.NodeProto, int], ...]:
    """Nodes, each with which of its constants has to be divided for a tensor to be; none where that is not all to do.

    A layer normalisation of older exporters ends in a product with a constant and a sum with another one.
    """
    maker = view.producers.get(tensor)
    if maker is None:
        return ()
    places: list[tuple[onnx.NodeProto, int]] = []
    if maker.op_type == "LayerNormalization" and attributes_of(maker).get("axis", -1) == -1:
        places = [(maker, place) for place, name in enumerate(maker.input) if place and name]
    elif maker.op_type in ("Add", "Mul"):
        places = [(maker, place) for place, name in enumerate(maker.input) if name in view.constants][:1]
    if maker.op_type == "Add" and places:
        before = maker.input[1 - places[0][1]]
        product = view.producers.get(before)
        if product is None or product.op_type != "Mul" or view.only_reader(before) is None:
            return ()
        factors = [(product, place) for place, name in enumerate(product.input) if name in view.constants][:1]
        places = [*places, *factors] if factors else []
    shapes = [view.constants[node.input[place]].dims for node, place in places if node.input[place] in view.constants]
    fits = len(shapes) == len(places) and all(tuple(shape) == (channels,) for shape in shapes)
    return tuple(places) if fits else ()


def _matrix(view: View, node: onnx.NodeProto) -> Array:
    """Weights of a product, ``(outputs, channels)``."""
    found = matrix_of(node, _array(view, node.input[1]))
    if found is None:
        raise KeyError(node.input[1])
    matrix: Array = found[0]
    return matrix


def _store(view: View, node: onnx.NodeProto, matrix: Array) -> None:
    name = node.input[1]
    weight = weight_of(node, matrix[None], _array(view, name).shape).astype(np.float32)
    view.constants[name].CopyFrom(numpy_helper.from_array(weight, name))


def _array(view: View, name: str) -> Array:
    values: Array = np.asarray(numpy_helper.to_array(view.constants[name]))
    return values


@dataclass(frozen=True)
class Smooth:
    """:func:`smooth` as an entry of the table."""

    name: str = "smooth"
    done: str = "large channels moved into weights"

    def is_due(self, graph: onnx.ModelProto) -> bool:
        """Where anything but the head multiplies by weights, as transformers do."""
        return bool(groups(graph))

    def rewrite(self, graph: onnx.ModelProto, samples: Iterable[Feed], threads: int) -> tuple[str, ...]:
        """Names of the layers whose weights changed."""
        return smooth(graph, samples, threads)


TREATMENT = Smooth()
