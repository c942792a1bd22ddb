"""QuantizeLinear and DequantizeLinear with gradients: rounding passes them on unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgetl.host.quantize.tuning.operators.call import Call, Operator

LIMITS = {np.dtype(kind): (float(np.iinfo(kind).min), float(np.iinfo(kind).max)) for kind in (np.uint8, np.int8)}


class _Rounded(torch.autograd.Function):
    """``clip(round(x / scale) + zero)`` as floats.

    Gradients pass where nothing was clipped, and none else do (straight-through estimator); scales have none.

    References:
        Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons", 2013 (arXiv:1308.3432);
        Jacob et al., "Quantization and Training of Neural Networks", 2018 (arXiv:1712.05877), section 3.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, zero: Tensor, limits: tuple[float, float]) -> Tensor:
        shifted = (x / scale).round_()
        if bool(zero.any()):
            shifted.add_(zero)
        ctx.limits = (limits[0] - 0.5, limits[1] + 0.5)
        ctx.save_for_backward(shifted, scale)
        return shifted.clamp(*limits)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        shifted, scale = ctx.saved_tensors
        # one pass over memory, where a mask would take several
        passed = torch.ops.aten.hardtanh_backward(gradients[0], shifted, *ctx.limits).div_(scale)
        return passed, None, None, None


def rounded(x: Tensor, scale: Tensor, zero: Tensor, limits: tuple[float, float]) -> Tensor:
    """Integers as floats within limits; shapes of scale and zero broadcast to that of ``x``."""
    return _Rounded.apply(x, scale, zero, limits)  # type: ignore[no-any-return]


def _quantized(call: Call) -> Tensor:
    kind = call.dtypes[2] if len(call.dtypes) > 2 else np.dtype(np.uint8)
    if kind not in LIMITS or call.attributes.get("block_size"):
        raise call.refuse(f"type {kind} or blocks")
    x = call.tensor(0)
    zero = call.optional(2)
    scale = _along(call, call.tensor(1), x)
    shifts = torch.zeros(()) if zero is None else _along(call, zero.to(x.dtype), x)
    return rounded(x, scale, shifts, LIMITS[kind])


def _dequantized(call: Call) -> Tensor:
    if call.attributes.get("block_size"):
        raise call.refuse("blocks")
    integers = call.tensor(0).to(torch.float32)
    zero = call.optional(2)
    if zero is not None and bool(zero.any()):
        integers = integers - _along(call, zero.to(torch.float32), integers)
    return integers * _along(call, call.tensor(1), integers)


def _along(call: Call, values: Tensor, x: Tensor) -> Tensor:
    """Scales or zero points, shaped so that they broadcast."""
    if values.dim() == 0 or values.numel() == 1:
        return values.reshape(())
    shape = [1] * x.dim()
    shape[call.attributes.get("axis", 1)] = -1
    return values.reshape(shape)


OPERATORS: Mapping[str, Operator] = {"DequantizeLinear": _dequantized, "QuantizeLinear": _quantized}
