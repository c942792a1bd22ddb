"""What moves numbers, or computes with sizes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from onnx import helper, numpy_helper
from torch import Tensor
from torch.nn import functional

from edgetl.host.quantize.tuning.operators.call import Call, Operator

_END = 2**31 - 1


def _cast(call: Call) -> Tensor:
    numpy_type = np.dtype(helper.tensor_dtype_to_np_dtype(call.attributes["to"]))
    try:
        return call.tensor(0).to(torch.from_numpy(np.zeros(0, numpy_type)).dtype)
    except TypeError as error:
        raise call.refuse(f"type {numpy_type}") from error


def _constant(call: Call) -> Tensor:
    for name, value in call.attributes.items():
        if name == "value":
            return torch.from_numpy(np.array(numpy_helper.to_array(value)))
        if name in ("value_float", "value_floats"):
            return torch.tensor(value, dtype=torch.float32)
        if name in ("value_int", "value_ints"):
            return torch.tensor(value, dtype=torch.int64)
    raise call.refuse("neither numbers nor a tensor")


def _filled(call: Call) -> Tensor:
    shape, value = call.numbers(0) or (), call.attributes.get("value")
    if value is None:
        return torch.zeros(shape)
    one = torch.from_numpy(np.array(numpy_helper.to_array(value)))
    return one.reshape(()).expand(shape).clone()


def _reshaped(call: Call) -> Tensor:
    x, wanted = call.tensor(0), call.numbers(1) or ()
    if call.attributes.get("allowzero"):
        return x.reshape(wanted)
    return x.reshape([x.shape[place] if size == 0 else size for place, size in enumerate(wanted)])


def _flattened(call: Call) -> Tensor:
    x, axis = call.tensor(0), call.attributes.get("axis", 1)
    axis += x.dim() if axis < 0 else 0
    return x.reshape(int(np.prod(x.shape[:axis])), -1)


def _transposed(call: Call) -> Tensor:
    x = call.tensor(0)
    return x.permute(tuple(call.attributes.get("perm", range(x.dim())[::-1])))


def _squeezed(call: Call) -> Tensor:
    x, axes = call.tensor(0), call.numbers(1, "axes")
    return x.squeeze() if axes is None else x.squeeze(axes)


def _unsqueezed(call: Call) -> Tensor:
    x, axes = call.tensor(0), call.numbers(1, "axes") or ()
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _joined(call: Call) -> Tensor:
    return torch.cat([call.tensor(place) for place in range(len(call.inputs))], call.attributes["axis"])


def _sliced(call: Call) -> Tensor:
    x = call.tensor(0)
    starts, ends = call.numbers(1, "starts") or (), call.numbers(2, "ends") or ()
    axes = call.numbers(3, "axes") or tuple(range(len(starts)))
    steps = call.numbers(4) or (1,) * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        places = range(x.shape[axis])[max(min(start, _END), -_END) : max(min(end, _END), -_END) : step]
        if step == 1:
            x = x.narrow(axis, places.start, len(places))
        else:
            x = x.index_select(axis, torch.tensor(tuple(places), dtype=torch.int64))
    return x


def _split(call: Call) -> tuple[Tensor, ...]:
    x, axis, sizes = call.tensor(0), call.attributes.get("axis", 0), call.numbers(1, "split")
    each = -(-x.shape[axis] // call.outputs)
    return tuple(torch.split(x, each if sizes is None else list(sizes), axis))


def _gathered(call: Call) -> Tensor:
    x, places, axis = call.tensor(0), call.tensor(1), call.attributes.get("axis", 0) % max(call.tensor(0).dim(), 1)
    wrapped = torch.where(places < 0, places + x.shape[axis], places)
    shape = (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
    return x.index_select(axis, wrapped.reshape(-1)).reshape(shape)


def _expanded(call: Call) -> Tensor:
    x = call.tensor(0)
    return x.expand(np.broadcast_shapes(tuple(x.shape), call.numbers(1) or ()))


def _shape(call: Call) -> Tensor:
    return torch.tensor(call.tensor(0).shape[call.attributes.get("start", 0) : call.attributes.get("end")])


def _range(call: Call) -> Tensor:
    start, end, step = (call.tensor(place).item() for place in (0, 1, 2))
    return torch.arange(start, end, step, dtype=call.tensor(0).dtype)


def _padded(call: Call) -> Tensor:
    x, pads, value, mode = (
        call.tensor(0),
        call.numbers(1, "pads") or (),
        call.optional(2),
        call.text("mode", "constant"),
    )
    if mode != "constant" or call.optional(3) is not None:
        raise call.refuse(f"mode {mode!r} or axes")
    rank = x.dim()
    around = [size for pair in zip(pads[rank - 1 :: -1], pads[: rank - 1 : -1], strict=True) for size in pair]
    return functional.pad(x, around, value=call.attributes.get("value", 0.0) if value is None else value.item())


OPERATORS: Mapping[str, Operator] = {
    "Cast": _cast,
    "Concat": _joined,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Dropout": lambda call: call.tensor(0),
    "Expand": _expanded,
    "Flatten": _flattened,
    "Gather": _gathered,
    "Identity": lambda call: call.tensor(0),
    "Pad": _padded,
    "Range": _range,
    "Reshape": _reshaped,
    "Shape": _shape,
    "Slice": _sliced,
    "Split": _split,
    "Squeeze": _squeezed,
    "Transpose": _transposed,
    "Unsqueeze": _unsqueezed,
}
