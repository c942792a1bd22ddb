"""A graph with what rules ask of it: who makes a tensor, who reads it, and what is constant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgetl.host.graph import weights_of
from edgetl.host.naming import names_read
from edgetl.tensors import Array

LAYERS = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul"))
PAIRS = frozenset(("QuantizeLinear", "DequantizeLinear"))
SHAPING = frozenset(("Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"))
"""Operators that change no number."""


@dataclass(frozen=True)
class View:
    """Read-only access to a model."""

    model: onnx.ModelProto
    constants: Mapping[str, onnx.TensorProto]
    producers: Mapping[str, onnx.NodeProto]
    readers: Mapping[str, tuple[onnx.NodeProto, ...]]
    """An If or a Loop reads what the graphs inside it do."""

    @classmethod
    def of(cls, model: onnx.ModelProto) -> View:
        """Index a model."""
        readers: dict[str, list[onnx.NodeProto]] = {}
        for node in model.graph.node:
            for name in names_read(node):
                readers.setdefault(name, []).append(node)
        producers = {name: node for node in model.graph.node for name in node.output}
        return cls(model, weights_of(model), producers, {name: tuple(nodes) for name, nodes in readers.items()})

    @property
    def opset(self) -> int:
        """Version of the standard operators."""
        return next((entry.version for entry in self.model.opset_import if entry.domain in ("", "ai.onnx")), 0)

    def nodes(self, *kinds: str) -> Iterator[onnx.NodeProto]:
        """The nodes of some kinds, in the order of the graph."""
        return (node for node in self.model.graph.node if node.op_type in kinds)

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """The one node that reads a tensor; ``None`` where there is no such, or the graph puts the tensor out."""
        readers = self.readers.get(name, ())
        is_output = any(value.name == name for value in self.model.graph.output)
        return readers[0] if len(readers) == 1 and not is_output else None

    def added_behind(self, node: onnx.NodeProto) -> str | None:
        """Name of what a sum, which alone reads what a node makes, adds to it: a constant, in float or dequantized."""
        reader = self.only_reader(node.output[0])
        if reader is None or reader.op_type != "Add":
            return None
        others = [name for name in reader.input if name != node.output[0]]
        return others[0] if others and self._constant(others[0]) is not None else None

    def bias(self, layer: onnx.NodeProto) -> str | None:
        """Name of what is added to the result of a quantized layer, where that is constant, in float or dequantized.

        The bias of a MatMul is the constant of a sum right behind it, where the sum alone reads it and it has a number
        for each output: so exporters write linear layers of tokens.
        """
        if layer.op_type == "MatMul":
            return self._bias_behind(layer)
        name = layer.input[2] if len(layer.input) > 2 else ""
        return name if self._constant(name) is not None else None

    def array(self, name: str) -> Array | None:
        """The values of a constant; ``None`` for any other tensor."""
        tensor = self.constants.get(name)
        if tensor is None:
            return None
        values: Array = np.asarray(numpy_helper.to_array(tensor))
        return values

    def zero_point(self, node: onnx.NodeProto) -> Array | None:
        """Of a Q or DQ; ``None`` where it is left out or not constant."""
        return self.array(node.input[2]) if len(node.input) > 2 else None

    def is_weight(self, node: onnx.NodeProto) -> bool:
        """Whether a Q or DQ stands over a constant."""
        source = node.input[0]
        while source in self.producers and self.producers[source].op_type in PAIRS:
            source = self.producers[source].input[0]
        return source in self.constants

    def dequantizer(self, name: str) -> onnx.NodeProto | None:
        """The DQ that makes a tensor."""
        node = self.producers.get(name)
        return node if node is not None and node.op_type == "DequantizeLinear" else None

    def origin(self, name: str) -> onnx.NodeProto | None:
        """The DQ that a tensor comes from: the one that makes it, or of an activation one in front of a Transpose.

        A Transpose changes no number, and runtimes move it out of the way. What reads the tensor still needs it turned.
        """
        turned = self.producers.get(name)
        if turned is None or turned.op_type != "Transpose":
            return self.dequantizer(name)
        dequantizer = self.dequantizer(turned.input[0])
        return None if dequantizer is None or self.is_weight(dequantizer) else dequantizer

    def quantized_layers(self) -> Iterator[onnx.NodeProto]:
        """Layers whose two factors are both dequantized."""
        return (node for node in self.nodes(*LAYERS) if self.is_quantized(node))

    def is_quantized(self, layer: onnx.NodeProto) -> bool:
        """Whether both factors of a layer are dequantized."""
        return all(self.origin(name) is not None for name in layer.input[:2])

    def integers(self, dequantizer: onnx.NodeProto) -> Array | None:
        """The integers that a DQ over a constant reads, rounded from floats where a Q stands between."""
        values = self.array(dequantizer.input[0])
        quantizer = self.producers.get(dequantizer.input[0])
        if values is not None or quantizer is None or quantizer.op_type != "QuantizeLinear":
            return values
        floats, scale = self.array(quantizer.input[0]), self.array(quantizer.input[1])
        return None if floats is None or scale is None else rounded(floats, scale, axis_of(quantizer))

    def _bias_behind(self, product: onnx.NodeProto) -> str | None:
        name, weight = self.added_behind(product), self.dequantizer(product.input[1])
        integers = None if weight is None else self.integers(weight)
        if name is None or integers is None or integers.ndim != 2 or len(self.readers[name]) > 1:
            return None
        constant = self._constant(name)
        return name if constant is not None and list(constant.dims)[-1:] == [integers.shape[1]] else None

    def _constant(self, name: str) -> onnx.TensorProto | None:
        """A constant, or what a DQ reads that is one."""
        dequantizer = self.dequantizer(name)
        return self.constants.get(name if dequantizer is None else dequantizer.input[0])


def attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    """Attributes as Python values, by name."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def axis_of(node: onnx.NodeProto) -> int:
    """Along which axis the scales of a Q or DQ lie; 1 where it does not say."""
    return int(attributes_of(node).get("axis", 1))


def along(values: Array, axis: int, ndim: int) -> Array:
    """Scales or zero points, shaped so that they broadcast along an axis."""
    shape = [1] * ndim
    if values.ndim:
        shape[axis] = -1
    shaped: Array = values.reshape(shape)
    return shaped


def rounded(values: Array, scale: Array, axis: int) -> Array:
    """Floats as symmetric int8, as QuantizeLinear rounds them: to the nearest, halves to even."""
    steps: Array = np.clip(np.rint(values / along(scale, axis, values.ndim)), -128, 127).astype(np.int8)
    return steps
