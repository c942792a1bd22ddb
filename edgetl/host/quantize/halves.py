"""Float graphs whose layers compute in 16 bits, with casts where they meet fp32."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.graph import weights_of
from edgetl.host.naming import fresh_name, names_read, tensor_names
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import float_tensors
from edgetl.host.quantize.frame import checked, deliver
from edgetl.host.quantize.magnitudes import magnitudes
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.rewrites import without_unused_weights
from edgetl.host.quantize.rules.view import LAYERS, View
from edgetl.target import Precision, RuntimeName
from edgetl.tensors import Array

_KINDS: Mapping[str, int] = {"fp16": onnx.TensorProto.FLOAT16, "bf16": onnx.TensorProto.BFLOAT16}
CAST = frozenset(
    (
        *("Abs", "Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "DepthToSpace", "Div"),
        *("Elu", "Erf", "Expand", "Flatten", "Gather", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool"),
        *("HardSigmoid", "HardSwish", "LayerNormalization", "LeakyRelu", "MatMul", "Max", "MaxPool", "Min"),
        *("Mul", "Neg", "PRelu", "Pad", "ReduceMean", "Relu", "Reshape", "Sigmoid", "Slice", "Softmax"),
        *("Split", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze"),
    )
)
"""Operators whose float inputs and outputs all have one type, and may be of 16 bits."""


def _as_it_is(model: onnx.ModelProto) -> onnx.ModelProto:
    return model


@dataclass(frozen=True)
class HalfRendering:
    """A rendering by casts: layers and what lies between them in 16 bits; inputs, outputs and the head in fp32.

    What is before the first layer stays in fp32, too: pixels have 8 bits, which bf16 cannot hold once they are shifted.
    """

    name: str
    precision: Precision
    seen_limit: float
    """A node that reads or makes larger values, as calibration saw them, stays in fp32: new images may have larger."""
    proven_limit: float
    """The same for values that are bounded whatever the image, and for weights."""
    refused: frozenset[str] = frozenset()
    """Operators that NVIDIA's parser refuses in this type; they stay in fp32."""
    opened_by: RuntimeName = "onnxruntime"
    """The runtime that opens the file once, to see that it is whole."""
    prepare: Callable[[onnx.ModelProto], onnx.ModelProto] = _as_it_is
    """Rewrite of the float graph beforehand."""
    runtimes: frozenset[RuntimeName] = frozenset({"tensorrt"})
    """On CPUs 16 bits in the file gain nothing."""

    def render(self, model: Path, record: CalibrationRecord, out: Path, settings: RenderSettings) -> None:
        """Write a graph of mixed floats with the same inputs and outputs; equal arguments give equal bytes.

        Ranges are those of everything that was seen, whatever the estimator: what is clipped loses little in int8 and
        is infinite in fp16.

        Raises:
            Unsupported: the record is of another graph, a node to keep does not exist, or no layer may be cast.
        """
        graph = self.prepare(checked(model, record, settings))
        chosen = self._chosen(graph, record, settings.keep_float)
        if not any(node.op_type in LAYERS and node.name in chosen for node in graph.graph.node):
            raise Unsupported(
                f"rendering {self.name!r} casts no layer of {model.name!r}: every one is to stay in float or has "
                f"values beyond {self.seen_limit:g}; leave {self.name!r} out of renderings in [quantize]"
            )
        _Caster(graph, chosen, _KINDS[self.precision], self.precision).apply()
        deliver(graph, self.name, out, self.opened_by)

    def _chosen(self, graph: onnx.ModelProto, record: CalibrationRecord, keep_float: frozenset[str]) -> frozenset[str]:
        sizes, depth = magnitudes(graph, record), dict[str, int]()
        vanishing = self._vanishing(graph)
        chosen = set()
        for node in graph.graph.node:
            before = max((depth.get(name, 0) for name in names_read(node)), default=0)
            depth.update(dict.fromkeys(node.output, before + (node.op_type in LAYERS)))
            is_behind = before > 0 or node.op_type in LAYERS
            is_free = node.name not in keep_float and not vanishing & set(node.input)
            if is_behind and node.op_type in CAST - self.refused and not node.domain and is_free:
                values = [sizes[name] for name in (*node.input, *node.output) if name in sizes]
                if all(value.value <= (self.proven_limit if value.is_proven else self.seen_limit) for value in values):
                    chosen.add(node.name)
        return frozenset(chosen)

    def _vanishing(self, graph: onnx.ModelProto) -> set[str]:
        """Single numbers that would be 0 in 16 bits and are not: what keeps a division from one by 0."""
        single = (tensor for tensor in weights_of(graph).values() if math.prod(tensor.dims) == 1)
        floats = {tensor.name: numpy_helper.to_array(tensor) for tensor in single if tensor.data_type == tensor.FLOAT}
        kind = _KINDS[self.precision]
        with np.errstate(over="ignore"):
            return {name for name, value in floats.items() if value.any() and not _rounded(value, kind).any()}


class _Caster:
    """Rewrites one graph in place."""

    def __init__(self, model: onnx.ModelProto, chosen: frozenset[str], kind: int, suffix: str) -> None:
        self._graph = model.graph
        self._chosen, self._kind, self._suffix = chosen, kind, suffix
        self._floats = float_tensors(model)
        self._view = View.of(model)
        self._names = set(tensor_names(model.graph))
        self._half = {name for node in model.graph.node if node.name in chosen for name in node.output} & self._floats
        self._made: dict[tuple[str, bool], str] = {}
        self._nodes: list[onnx.NodeProto] = []

    def apply(self) -> None:
        for node in tuple(self._graph.node):
            is_half = node.name in self._chosen
            for place, name in enumerate(node.input):
                if is_half and name in self._view.constants:
                    node.input[place] = self._constant(name)
                elif name in self._floats and (name in self._half) != is_half:
                    node.input[place] = self._cast(name, is_half)
            self._nodes.append(node)
        inside = (name for node in self._nodes for name in names_read(node) if name not in node.input)
        self._keep(dict.fromkeys((*inside, *(value.name for value in self._graph.output))))
        del self._graph.node[:], self._graph.value_info[:]
        self._graph.node.extend(self._nodes)
        without_unused_weights(self._graph)

    def _constant(self, name: str) -> str:
        tensor = self._view.constants[name]
        if tensor.data_type != onnx.TensorProto.FLOAT:
            return name
        if (name, True) not in self._made:
            self._made[name, True] = self._fresh(f"{name}_{self._suffix}")
            half = _rounded(numpy_helper.to_array(tensor), self._kind)
            self._graph.initializer.append(
                helper.make_tensor(self._made[name, True], self._kind, tensor.dims, half.tobytes(), raw=True)
            )
        return self._made[name, True]

    def _cast(self, name: str, to_half: bool) -> str:
        if (name, to_half) not in self._made:
            suffix, kind = (self._suffix, self._kind) if to_half else ("fp32", onnx.TensorProto.FLOAT)
            made = self._made[name, to_half] = self._fresh(f"{name}_{suffix}")
            self._nodes.append(helper.make_node("Cast", [name], [made], f"cast_{made}", to=kind))
        return self._made[name, to_half]

    def _keep(self, names: Iterable[str]) -> None:
        """Tensors that keep their names and their type; those of 16 bits take other names."""
        for kept in (name for name in names if name in self._half):
            inner = self._fresh(f"{kept}_{self._suffix}")
            for node in self._nodes:
                for read_or_made in (node.input, node.output):
                    read_or_made[:] = [inner if name == kept else name for name in read_or_made]
            place = next(place for place, node in enumerate(self._nodes) if inner in node.output)
            cast = helper.make_node("Cast", [inner], [kept], f"cast_{kept}", to=onnx.TensorProto.FLOAT)
            self._nodes.insert(place + 1, cast)

    def _fresh(self, wanted: str) -> str:
        name = fresh_name(wanted, self._names)
        self._names.add(name)
        return name


def _rounded(values: Array, kind: int) -> Array:
    """Floats in 16 bits, as they lie in memory."""
    if kind == onnx.TensorProto.FLOAT16:
        return values.astype(np.float16)
    # the upper half of a float32, rounded to the nearest, halves to even
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    rounded: Array = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return rounded
