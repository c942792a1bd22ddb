"""Convolutions, matrix products and pooling."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from edgetl.host.quantize.tuning.operators.call import Call, Operator

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_MAXIMA = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_MEANS = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


def _convolved(call: Call) -> Tensor:
    x, weight = call.tensor(0), call.tensor(1)
    rank = weight.dim() - 2
    if rank not in _CONVOLUTIONS:
        raise call.refuse(f"{rank} dimensions")
    before, behind = _padding(call, rank)
    if before != behind:
        x, before = functional.pad(x, _around(before, behind)), (0,) * rank
    return _CONVOLUTIONS[rank](
        x,
        weight,
        call.optional(2),
        _sizes(call, "strides", rank),
        before,
        _sizes(call, "dilations", rank),
        call.attributes.get("group", 1),
    )


def _gemm(call: Call) -> Tensor:
    first, second, bias = call.tensor(0), call.tensor(1), call.optional(2)
    left = first.T if call.attributes.get("transA") else first
    right = second.T if call.attributes.get("transB") else second
    found: Tensor = call.attributes.get("alpha", 1.0) * (left @ right)
    return found if bias is None else found + call.attributes.get("beta", 1.0) * bias


def _largest(call: Call) -> Tensor:
    x = call.tensor(0)
    rank = x.dim() - 2
    if call.outputs > 1 or rank not in _MAXIMA:
        raise call.refuse("indices as an output" if call.outputs > 1 else f"{rank} dimensions")
    before, behind = _padding(call, rank)
    if call.attributes.get("ceil_mode") and before != behind:
        raise call.refuse("ceil_mode and uneven padding")
    if before != behind:
        x, before = functional.pad(x, _around(before, behind), value=float("-inf")), (0,) * rank
    return _MAXIMA[rank](
        x,
        _sizes(call, "kernel_shape", rank),
        _sizes(call, "strides", rank),
        before,
        _sizes(call, "dilations", rank),
        bool(call.attributes.get("ceil_mode")),
    )


def _mean(call: Call) -> Tensor:
    x = call.tensor(0)
    rank = x.dim() - 2
    before, behind = _padding(call, rank)
    if before != behind or set(_sizes(call, "dilations", rank)) != {1} or rank not in _MEANS:
        raise call.refuse("uneven padding, dilations or more than three dimensions")
    return _MEANS[rank](
        x,
        _sizes(call, "kernel_shape", rank),
        _sizes(call, "strides", rank),
        before,
        bool(call.attributes.get("ceil_mode")),
        bool(call.attributes.get("count_include_pad")),
    )


def _over_all(call: Call) -> tuple[int, ...]:
    return tuple(range(2, call.tensor(0).dim()))


def _sizes(call: Call, name: str, rank: int) -> tuple[int, ...]:
    return tuple(int(size) for size in call.attributes.get(name, (1,) * rank))


def _padding(call: Call, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Before and behind, per dimension."""
    named = call.text("auto_pad", "NOTSET")
    if named not in ("NOTSET", "VALID"):
        raise call.refuse(f"auto_pad {named!r}")
    pads = tuple(int(size) for size in call.attributes.get("pads", (0,) * (2 * rank)))
    return ((0,) * rank, (0,) * rank) if named == "VALID" else (pads[:rank], pads[rank:])


def _around(before: tuple[int, ...], behind: tuple[int, ...]) -> list[int]:
    """As torch wants it: the last dimension first."""
    return [size for pair in zip(reversed(before), reversed(behind), strict=True) for size in pair]


OPERATORS: Mapping[str, Operator] = {
    "AveragePool": _mean,
    "Conv": _convolved,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda call: call.tensor(0).mean(_over_all(call), True),
    "GlobalMaxPool": lambda call: call.tensor(0).amax(_over_all(call), True),
    "MatMul": lambda call: torch.matmul(call.tensor(0), call.tensor(1)),
    "MaxPool": _largest,
}
