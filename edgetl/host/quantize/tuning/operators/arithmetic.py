"""Element by element, and along an axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from edgetl.host.quantize.tuning.operators.call import Call, Operator


def _unary(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda call: function(call.tensor(0))


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda call: function(call.tensor(0), call.tensor(1))


def _many(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def fold(call: Call) -> Tensor:
        found = call.tensor(0)
        for place in range(1, len(call.inputs)):
            found = function(found, call.tensor(place))
        return found

    return fold


def _divided(call: Call) -> Tensor:
    first, second = call.tensor(0), call.tensor(1)
    return first / second if first.is_floating_point() else torch.div(first, second, rounding_mode="trunc")


def _clipped(call: Call) -> Tensor:
    bounds = [call.optional(1), call.optional(2)]
    low, high = (
        bound if bound is not None else call.attributes.get(name)
        for bound, name in zip(bounds, ("min", "max"), strict=True)
    )
    if isinstance(low, Tensor):
        low = low.item()
    if isinstance(high, Tensor):
        high = high.item()
    return call.tensor(0) if low is None is high else call.tensor(0).clamp(low, high)


def _hard_sigmoid(call: Call) -> Tensor:
    slope, offset = call.attributes.get("alpha", 0.2), call.attributes.get("beta", 0.5)
    found: Tensor = call.tensor(0) * slope + offset
    return found.clamp(0, 1)


def _gelu(call: Call) -> Tensor:
    return functional.gelu(call.tensor(0), approximate=call.text("approximate", "none"))


def _leaky_relu(call: Call) -> Tensor:
    return functional.leaky_relu(call.tensor(0), call.attributes.get("alpha", 0.01))


def _summed_up(call: Call) -> Tensor:
    if call.attributes.get("exclusive") or call.attributes.get("reverse"):
        raise call.refuse("exclusive or reverse")
    return call.tensor(0).cumsum(int(call.tensor(1).item()))


def _softmax(call: Call) -> Tensor:
    return call.tensor(0).softmax(call.attributes.get("axis", -1))


def _layer_normalised(call: Call) -> Tensor:
    x, axis = call.tensor(0), call.attributes.get("axis", -1)
    shape = x.shape[axis:]
    if call.outputs > 1:
        raise call.refuse("more than one output")
    return functional.layer_norm(x, list(shape), call.tensor(1), call.optional(2), call.attributes.get("epsilon", 1e-5))


def _batch_normalised(call: Call) -> Tensor:
    if call.attributes.get("training_mode"):
        raise call.refuse("training_mode")
    scale, shift, mean, variance = (call.tensor(place) for place in (1, 2, 3, 4))
    factor = scale / torch.sqrt(variance + call.attributes.get("epsilon", 1e-5))
    x = call.tensor(0)
    shape = (1, -1) + (1,) * (x.dim() - 2)
    return x * factor.reshape(shape) + (shift - mean * factor).reshape(shape)


def _reduced(function: Callable[[Tensor, tuple[int, ...], bool], Tensor]) -> Operator:
    def reduce(call: Call) -> Tensor:
        x, axes = call.tensor(0), call.numbers(1, "axes")
        if not axes:
            if call.attributes.get("noop_with_empty_axes"):
                return x
            axes = tuple(range(x.dim()))
        return function(x, axes, bool(call.attributes.get("keepdims", 1)))

    return reduce


OPERATORS: Mapping[str, Operator] = {
    "Abs": _unary(torch.abs),
    "Add": _binary(torch.add),
    "And": _binary(torch.logical_and),
    "BatchNormalization": _batch_normalised,
    "Clip": _clipped,
    "Cos": _unary(torch.cos),
    "CumSum": _summed_up,
    "Div": _divided,
    "Equal": _binary(torch.eq),
    "Erf": _unary(torch.erf),
    "Exp": _unary(torch.exp),
    "Gelu": _gelu,
    "Greater": _binary(torch.gt),
    "GreaterOrEqual": _binary(torch.ge),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _unary(functional.hardswish),
    "IsNaN": _unary(torch.isnan),
    "LayerNormalization": _layer_normalised,
    "LeakyRelu": _leaky_relu,
    "Less": _binary(torch.lt),
    "LessOrEqual": _binary(torch.le),
    "Log": _unary(torch.log),
    "Max": _many(torch.maximum),
    "Min": _many(torch.minimum),
    "Mul": _binary(torch.mul),
    "Neg": _unary(torch.neg),
    "Not": _unary(torch.logical_not),
    "Or": _binary(torch.logical_or),
    "Pow": _binary(torch.pow),
    "Reciprocal": _unary(torch.reciprocal),
    "ReduceL2": _reduced(lambda x, axes, keep: torch.linalg.vector_norm(x, dim=axes, keepdim=keep)),
    "ReduceMax": _reduced(lambda x, axes, keep: x.amax(axes, keep)),
    "ReduceMean": _reduced(lambda x, axes, keep: x.mean(axes, keep)),
    "ReduceSum": _reduced(lambda x, axes, keep: x.sum(axes, keep)),
    "Relu": _unary(torch.relu),
    "Sigmoid": _unary(torch.sigmoid),
    "Sign": _unary(torch.sign),
    "Sin": _unary(torch.sin),
    "Softmax": _softmax,
    "Softplus": _unary(functional.softplus),
    "Sqrt": _unary(torch.sqrt),
    "Sub": _binary(torch.sub),
    "Tanh": _unary(torch.tanh),
    "Where": lambda call: torch.where(call.tensor(0), call.tensor(1), call.tensor(2)),
}
