"""How large activations get: as calibration saw them, or as their operators allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from edgetl.host.quantize.calibrate import element_types
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.rules.view import View
from edgetl.tensors import Array

_TYPES: Mapping[int, float] = {onnx.TensorProto.UINT8: 255, onnx.TensorProto.INT8: 128, onnx.TensorProto.BOOL: 1}
"""Types whose every value is within fp16's range, with the largest absolute one."""
_FLOATS = frozenset(
    (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)
)
_UP_TO_ONE = frozenset(("Sigmoid", "HardSigmoid", "Softmax", "Tanh", "Erf"))
_UP_TO_INPUT = frozenset(
    (
        *("Abs", "AveragePool", "Cast", "Clip", "DepthToSpace", "Expand", "Flatten", "Gather", "Gelu"),
        *("GlobalAveragePool", "GlobalMaxPool", "HardSwish", "Identity", "MaxPool", "Neg", "ReduceMean", "Relu"),
        *("Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"),
    )
)
_UP_TO_INPUTS: Mapping[str, slice] = {
    "Concat": slice(None),
    "Max": slice(None),
    "Min": slice(None),
    "Pad": slice(0, 3, 2),
}
"""Which inputs they choose their values from."""


@dataclass(frozen=True)
class Magnitude:
    """The largest absolute value of a tensor; ``is_proven`` where no input within the calibrated ranges exceeds it."""

    value: float
    is_proven: bool = False


UNKNOWN = Magnitude(math.inf)


def magnitudes(model: onnx.ModelProto, record: CalibrationRecord) -> dict[str, Magnitude]:
    """Of every tensor of floats, as far as calibration watched it, or its type or producer bounds it.

    A convolution cannot exceed the largest sum of absolute weights of one of its channels times its largest input, a
    layer normalisation of n values not sqrt(n - 1) before its weights.
    """
    view, types = View.of(model), element_types(model)
    found = {name: Magnitude(max(abs(seen.low), abs(seen.high))) for name, seen in record.tensors.items()}
    for name, tensor in view.constants.items():
        if tensor.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
            found[name] = Magnitude(_largest(view, name), is_proven=True)
    for value in model.graph.input:
        found.setdefault(value.name, _of_type(types.get(value.name)))
    for node in model.graph.node:
        for output in (name for name in node.output if name not in found):
            limits = (_bounded(view, node, found), _of_type(types.get(output)))
            found[output] = min(limits, key=lambda entry: entry.value)
    return {name: entry for name, entry in found.items() if types.get(name, onnx.TensorProto.FLOAT) in _FLOATS}


def _of_type(kind: int | None) -> Magnitude:
    return UNKNOWN if kind is None or kind not in _TYPES else Magnitude(_TYPES[kind], is_proven=True)


def _bounded(view: View, node: onnx.NodeProto, known: Mapping[str, Magnitude]) -> Magnitude:
    if node.op_type in _UP_TO_ONE:
        return Magnitude(1.0, is_proven=True)
    inputs = [known.get(name, UNKNOWN) for name in node.input]
    if node.op_type in _UP_TO_INPUT:
        return inputs[0]
    if node.op_type in _UP_TO_INPUTS:
        read = [known.get(name, UNKNOWN) for name in node.input[_UP_TO_INPUTS[node.op_type]] if name]
        return max(read, key=lambda entry: entry.value)
    bound = _BOUNDS.get(node.op_type)
    if bound is None or not all(math.isfinite(entry.value) for entry in inputs[:1]):
        return UNKNOWN
    return Magnitude(bound(view, node, [entry.value for entry in inputs]), is_proven=True)


def _sum(_: View, __: onnx.NodeProto, sizes: list[float]) -> float:
    return sum(sizes)


def _product(_: View, __: onnx.NodeProto, sizes: list[float]) -> float:
    return math.prod(sizes)


def _quotient(view: View, node: onnx.NodeProto, sizes: list[float]) -> float:
    divisor = view.array(node.input[1])
    smallest = 0.0 if divisor is None else float(np.abs(divisor).min(initial=math.inf))
    return sizes[0] / smallest if smallest else math.inf


def _convolution(view: View, node: onnx.NodeProto, sizes: list[float]) -> float:
    weight = view.array(node.input[1])
    if weight is None:
        return math.inf
    axis = tuple(range(1, weight.ndim))
    return float(np.abs(weight).sum(axis=axis, dtype=np.float64).max()) * sizes[0] + sum(sizes[2:])


def _layer_normalisation(view: View, node: onnx.NodeProto, sizes: list[float]) -> float:
    scale: Array | None = view.array(node.input[1])
    return math.inf if scale is None else math.sqrt(max(scale.size - 1, 1)) * sizes[1] + sum(sizes[2:])


def _slope(_: View, node: onnx.NodeProto, sizes: list[float]) -> float:
    default = 0.01 if node.op_type == "LeakyRelu" else 1.0
    alpha: float = abs(next((entry.f for entry in node.attribute if entry.name == "alpha"), default))
    return max(1.0, alpha) * sizes[0] if node.op_type == "LeakyRelu" else max(alpha, sizes[0])


def _own_slopes(_: View, __: onnx.NodeProto, sizes: list[float]) -> float:
    return sizes[0] * max(1.0, sizes[1])


_BOUNDS: Mapping[str, Callable[[View, onnx.NodeProto, list[float]], float]] = {
    "Add": _sum,
    "Sub": _sum,
    "Mul": _product,
    "Div": _quotient,
    "Conv": _convolution,
    "Elu": _slope,
    "LeakyRelu": _slope,
    "PRelu": _own_slopes,
    "LayerNormalization": _layer_normalisation,
}


def _largest(view: View, name: str) -> float:
    values = view.array(name)
    return math.inf if values is None else float(np.abs(values).max(initial=0))
