"""An ONNX graph as a function of torch, through which gradients flow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from edgetl.errors import Unsupported
from edgetl.host.graph import weights_of
from edgetl.host.quantize.rules.view import attributes_of
from edgetl.host.quantize.tuning.operators import OPERATORS
from edgetl.host.quantize.tuning.operators.call import Call

_STANDARD = ("", "ai.onnx")


@dataclass(frozen=True)
class _Step:
    node: onnx.NodeProto
    attributes: Mapping[str, Any]
    dtypes: tuple[Any, ...]
    spent: tuple[str, ...]
    """Tensors that nothing reads afterwards."""


class Program:
    """Computes tensors of a sorted graph; what only depends on constants is computed once."""

    def __init__(self, model: onnx.ModelProto, wanted: Collection[str], given: Collection[str] = ()) -> None:
        """Look up every operator.

        Args:
            wanted: names of the tensors to compute.
            given: names of tensors that every call brings, in place of the graph's own.

        Raises:
            Unsupported: the graph has an operator, or a setting of one, that has no counterpart here (it is named), or
                no tensor of a wanted name.
        """
        weights = weights_of(model)
        self._wanted = tuple(dict.fromkeys(wanted))
        nodes = _needed(model, self._wanted, frozenset(given))
        read = {name for node in nodes for name in node.input} | set(self._wanted)
        arrays = {name: np.array(numpy_helper.to_array(tensor)) for name, tensor in weights.items() if name in read}
        self._constants = {name: _tensor(array) for name, array in arrays.items() if name not in given}
        dtypes = {name: array.dtype for name, array in arrays.items()}
        steps = []
        for node in nodes:
            step = _step(node, dtypes)
            if set(filter(None, node.input)) <= self._constants.keys():
                with torch.no_grad():
                    _compute(step, self._constants)
            else:
                steps.append(step)
        self._steps = _with_spent(steps, {*self._wanted, *self._constants, *given})

    def __call__(self, feeds: Mapping[str, Tensor], given: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """The wanted tensors of samples, by input, with the batch first.

        Raises:
            Unsupported: torch refuses a node's operands; the message names it.
        """
        tensors = {**self._constants, **(given or {}), **feeds}
        for step in self._steps:
            _compute(step, tensors)
            for name in step.spent:
                # a second output that nothing reads, such as Dropout's mask, was never made
                tensors.pop(name, None)
        return {name: tensors[name] for name in self._wanted}


def _compute(step: _Step, tensors: dict[str, Tensor]) -> None:
    node = step.node
    inputs = tuple(tensors[name] if name else None for name in node.input)
    call = Call(node.op_type, inputs, step.attributes, len(node.output), step.dtypes)
    try:
        found = OPERATORS[node.op_type](call)
    except (RuntimeError, IndexError, ValueError, KeyError, TypeError) as error:
        raise Unsupported(f"node {node.name!r} ({node.op_type}) cannot be computed for tuning: {error}") from error
    results = (found,) if isinstance(found, Tensor) else found
    tensors.update((name, result) for name, result in zip(node.output, results, strict=False) if name)


def _step(node: onnx.NodeProto, dtypes: Mapping[str, Any]) -> _Step:
    if node.domain not in _STANDARD or node.op_type not in OPERATORS:
        raise Unsupported(
            f"operator {node.op_type} (node {node.name!r}) cannot be tuned; known are: {', '.join(sorted(OPERATORS))}"
        )
    return _Step(node, attributes_of(node), tuple(dtypes.get(name) for name in node.input), ())


def _with_spent(steps: Iterable[_Step], kept: Collection[str]) -> tuple[_Step, ...]:
    seen, found = set(kept), []
    for step in reversed(tuple(steps)):
        names = dict.fromkeys(name for name in (*step.node.input, *step.node.output) if name)
        found.append(_Step(step.node, step.attributes, step.dtypes, tuple(name for name in names if name not in seen)))
        seen.update(names)
    return tuple(reversed(found))


def _needed(model: onnx.ModelProto, wanted: tuple[str, ...], given: frozenset[str]) -> list[onnx.NodeProto]:
    producers = {name: node for node in model.graph.node for name in node.output}
    known = {value.name for value in model.graph.input} | weights_of(model).keys() | given
    waiting, seen = list(wanted), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name in given or not name:
            continue
        if name not in producers and name not in known:
            raise Unsupported(f"the graph has no tensor {name!r}, which tuning compares with the float graph's")
        seen.add(name)
        if name in producers:
            waiting.extend(producers[name].input)
    return [node for node in model.graph.node if any(name in seen for name in node.output)]


def _tensor(array: np.ndarray[Any, Any]) -> Tensor:
    try:
        return torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    except TypeError as error:
        raise Unsupported(f"constants of type {array.dtype} cannot be tuned with; leave this rung out") from error
