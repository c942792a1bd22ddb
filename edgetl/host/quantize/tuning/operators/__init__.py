"""ONNX operators in torch, with gradients: those that graphs for images and tokens have."""

from __future__ import annotations

from collections.abc import Mapping

from edgetl.host.quantize.tuning.operators import arithmetic, layers, resize, rounding, shapes
from edgetl.host.quantize.tuning.operators.call import Operator

OPERATORS: Mapping[str, Operator] = {
    **arithmetic.OPERATORS,
    **layers.OPERATORS,
    **resize.OPERATORS,
    **rounding.OPERATORS,
    **shapes.OPERATORS,
}
