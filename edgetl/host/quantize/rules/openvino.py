"""What OpenVINO folds into its own quantization, and what it leaves alone.

Sources: the documentation of ``ConvertQuantizeDequantize``, Intel's advice on types in ModelTC/MQBench#40, and what
OpenVINO 2026.4 says it executed.
"""

from __future__ import annotations

import numpy as np

from edgetl.host.quantize.rules.rule import Rule, some
from edgetl.host.quantize.rules.view import View

NAME = "openvino"


def _integer_ops(view: View) -> tuple[str, ...] | None:
    return some([node.name for node in view.nodes("ConvInteger", "MatMulInteger")])


def _shifted_int8(view: View) -> tuple[str, ...] | None:
    """Activations of int8 whose zero point is not 0."""
    names = []
    for node in view.nodes("QuantizeLinear"):
        zero = view.zero_point(node)
        if zero is not None and zero.dtype == np.int8 and np.any(zero) and not view.is_weight(node):
            names.append(node.name)
    return some(names)


RULES = (
    Rule(
        "no-integer-operators",
        NAME,
        "OpenVINO (as of 2026.4) computes ConvInteger and MatMulInteger in float; quantize with Q/DQ pairs",
        _integer_ops,
        frozenset({"x86", "x86-vnni", "arm", "tensorrt"}),
    ),
    Rule(
        "shifted-int8",
        NAME,
        "activations of int8 with a zero point other than 0 cost OpenVINO on x86 a correction per layer; "
        "render it as 'x86-vnni' or 'x86'",
        _shifted_int8,
        frozenset({"x86", "x86-vnni", "tensorrt"}),
    ),
)
