"""Images of another size."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from edgetl.host.quantize.tuning.operators.call import Call, Operator

_SMOOTH = {"linear": "bilinear", "cubic": "bicubic"}


def _resized(call: Call) -> Tensor:
    x, size = call.tensor(0), _size(call)
    mode, places = call.text("mode", "nearest"), call.text("coordinate_transformation_mode", "half_pixel")
    if call.attributes.get("antialias"):
        # torch weighs pixels at the edges otherwise than ONNX Runtime does
        raise call.refuse("antialias")
    if x.dim() != 4 or size[:2] != tuple(x.shape[:2]) or call.attributes.get("axes"):
        raise call.refuse("anything but the two dimensions of an image")
    if mode == "nearest":
        if (places, call.text("nearest_mode", "round_prefer_floor")) != ("asymmetric", "floor"):
            raise call.refuse(f"mode 'nearest' and {places!r}")
        return functional.interpolate(x, size[2:], mode="nearest")
    is_plain = places in ("half_pixel", "pytorch_half_pixel", "align_corners")
    is_cubic_as_torch = mode != "cubic" or abs(call.attributes.get("cubic_coeff_a", -0.75) + 0.75) < 1e-6
    if mode not in _SMOOTH or not is_plain or not is_cubic_as_torch or call.attributes.get("exclude_outside"):
        raise call.refuse(f"mode {mode!r} and {places!r}")
    return functional.interpolate(
        x,
        size[2:],
        mode=_SMOOTH[mode],
        align_corners=places == "align_corners",
    )


def _size(call: Call) -> tuple[int, ...]:
    x, scales, sizes = call.tensor(0), call.optional(2), call.numbers(3)
    if sizes:
        return sizes
    if scales is None or scales.numel() != x.dim():
        raise call.refuse("neither sizes nor scales")
    # in float32, as ONNX has them
    wanted = torch.tensor(x.shape, dtype=torch.float32) * scales.float()
    if not torch.equal(wanted, wanted.round()):
        # ONNX goes on by the scale, torch by the ratio of the sizes
        raise call.refuse(f"scales {scales.tolist()} of {list(x.shape)}, which give no whole size")
    return tuple(int(size) for size in wanted.tolist())


OPERATORS: Mapping[str, Operator] = {"Resize": _resized}
