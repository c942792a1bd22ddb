"""What is trained of a Q/DQ graph: numbers between its integers, and its biases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from edgetl.errors import Unsupported
from edgetl.host.quantize.rules.view import View, along, axis_of
from edgetl.host.quantize.tuning.operators.rounding import rounded
from edgetl.tensors import Array

_CHOSEN = 0.25
"""How far, in steps, a number begins from an integer that is not its nearest one: a treatment chose it together with
others, so that it may not fall back to the nearest at the first small update."""
_QUARTER = 64
"""Steps of an input: a bias moves as a weight of such an input does."""
_ONE, _NONE = torch.ones(()), torch.zeros(())


@dataclass(frozen=True)
class Weight:
    """Of one layer, in steps of its scales."""

    integers: str
    """Name of the tensor that the DequantizeLinear reads."""
    constant: str
    """Name of the constant that holds them, as integers or as floats that are rounded to them."""
    steps: Tensor
    """Trained; what :attr:`integers` are before they are rounded."""
    largest: int
    """Integers stay within ``[-largest, largest]``, as the rendering chose."""
    scale: Array
    """In the shape that broadcasts."""

    def given(self) -> Tensor:
        """The integers, as floats."""
        return rounded(self.steps, _ONE, _NONE, (-self.largest, self.largest))


@dataclass(frozen=True)
class Bias:
    """Of one layer, in float."""

    tensor: str
    """Name of what is added to the layer's result: by itself, or of a MatMul by the sum behind it."""
    start: Tensor
    unit: Tensor
    moved: Tensor
    """Trained, in units."""
    constant: str
    is_float: bool
    """Whether the constant is so in the graph; otherwise it is int32, in steps of its scale."""

    def given(self) -> Tensor:
        """What the layer adds."""
        return self.start + self.unit * self.moved


@dataclass(frozen=True)
class Masters:
    """Everything that is trained of a graph."""

    weights: tuple[Weight, ...]
    biases: tuple[Bias, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tensors that take the place of the graph's own."""
        return (*(one.integers for one in self.weights), *(one.tensor for one in self.biases))

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        """The trained numbers."""
        return (*(one.steps for one in self.weights), *(one.moved for one in self.biases))

    def given(self) -> dict[str, Tensor]:
        """Tensors in place of the graph's own, by name."""
        found = [one.given() for one in self.weights]
        found += [one.given() for one in self.biases]
        return dict(zip(self.names, found, strict=True))


def masters_of(quantized: onnx.ModelProto, original: onnx.ModelProto) -> Masters:
    """What can be trained of a Q/DQ graph; at the start it computes what the graph does.

    A weight starts where the float graph has it, if it was rounded to the nearest integer, else a quarter of a step
    from the one that a treatment chose.

    Args:
        original: the float graph that it was rendered from; nodes have the same names.

    Raises:
        Unsupported: no layer is quantized with constant integers.
    """
    view, before = View.of(quantized), View.of(original)
    floats = {node.name: before.array(node.input[1]) for node in original.graph.node if len(node.input) > 1}
    weights: dict[str, Weight] = {}
    biases: dict[str, Bias] = {}
    for node in view.quantized_layers():
        weight = _weight(view, node, floats.get(node.name))
        if weight is None or weight.integers in weights:
            continue
        weights[weight.integers] = weight
        bias = _bias(view, node, weight)
        if bias is not None:
            biases.setdefault(bias.tensor, bias)
    if not weights:
        raise Unsupported("no layer of the graph has constant integers as weights, so there is nothing to tune")
    return Masters(tuple(weights.values()), tuple(biases.values()))


def write(masters: Masters, model: onnx.ModelProto) -> tuple[str, ...]:
    """Put the trained numbers into a graph, in place.

    Returns:
        Names of the constants that differ from what they were, in the order of the graph.
    """
    with torch.no_grad():
        values = _values(masters)
    changed = []
    for constant in model.graph.initializer:
        if constant.name in values:
            was: Array = numpy_helper.to_array(constant)
            now = values[constant.name].reshape(was.shape).astype(was.dtype)
            if not np.array_equal(was, now):
                constant.CopyFrom(numpy_helper.from_array(now, constant.name))
                changed.append(constant.name)
    return tuple(changed)


def _values(masters: Masters) -> Mapping[str, Array]:
    found: dict[str, Array] = {}
    for weight in masters.weights:
        integers = weight.given().numpy()
        found[weight.constant] = integers if weight.constant == weight.integers else integers * weight.scale
    limits = np.iinfo(np.int32)
    for bias in masters.biases:
        value = bias.given().numpy().astype(np.float64)
        if bias.is_float:
            found[bias.constant] = value
            continue
        step = bias.unit.numpy().astype(np.float64) / _QUARTER
        found[bias.constant] = np.clip(np.rint(value / step), limits.min, limits.max)
    return found


def _weight(view: View, node: onnx.NodeProto, before: Array | None) -> Weight | None:
    dequantizer = view.dequantizer(node.input[1])
    integers = None if dequantizer is None else view.integers(dequantizer)
    scale = None if dequantizer is None else view.array(dequantizer.input[1])
    if dequantizer is None or integers is None or scale is None or integers.dtype != np.int8:
        return None
    zero = view.zero_point(dequantizer)
    # a scale is the largest weight's over the largest integer, so that one tells the rendering's bits
    largest = int(np.abs(integers.astype(np.int64)).max(initial=0))
    if largest == 0 or (zero is not None and np.any(zero)):
        return None
    steps, shaped = integers.astype(np.float32), along(scale, axis_of(dequantizer), integers.ndim)
    if before is not None and before.shape == integers.shape:
        exact = (before / shaped).astype(np.float32)
        chosen = steps + np.clip(exact - steps, -_CHOSEN, _CHOSEN)
        steps = np.where(np.clip(np.rint(exact), -largest, largest) == steps, exact, chosen).astype(np.float32)
    name = dequantizer.input[0]
    constant = name if name in view.constants else view.producers[name].input[0]
    return Weight(name, constant, torch.from_numpy(steps).requires_grad_(), largest, shaped)


def _bias(view: View, layer: onnx.NodeProto, weight: Weight) -> Bias | None:
    """What is added to a layer's result; ``None`` where there is none with a number per output, or no scale."""
    name, source = view.bias(layer), view.origin(layer.input[0])
    input_scale = None if source is None else view.array(source.input[1])
    if name is None or input_scale is None or input_scale.size != 1:
        return None
    dequantizer = view.dequantizer(name)
    constant = name if dequantizer is None else dequantizer.input[0]
    unit = input_scale.reshape(()) * weight.scale.reshape(-1)
    values = view.array(constant)
    if values is None:
        return None
    if dequantizer is not None:
        own = view.array(dequantizer.input[1])
        if own is None:
            return None
        unit = own.reshape(-1)
        values = values.astype(np.float64) * unit
    if np.broadcast_shapes(values.shape, unit.shape) != values.shape:
        return None
    start = torch.from_numpy(values.astype(np.float32))
    units = torch.from_numpy(unit.astype(np.float32) * _QUARTER)
    moved = torch.zeros_like(start, requires_grad=True)
    return Bias(name, start, units, moved, constant, is_float=dequantizer is None)
