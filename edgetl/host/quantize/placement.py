"""Which nodes of a float graph lose by quantization, by kind of target."""

from __future__ import annotations

import onnx

from edgetl.host.graph import weights_of


def attention_and_constants(model: onnx.ModelProto) -> frozenset[str]:
    """Products of two activations, and sums with a constant.

    ONNX Runtime 1.31 computes attention's products wrong in uint8 (features of a small vision transformer: -2 dB,
    and 40 dB without its optimisations). Sums with a constant have nothing to gain.
    """
    constants = weights_of(model).keys()
    return frozenset(
        node.name
        for node in model.graph.node
        if (node.op_type == "Add" and constants & set(node.input))
        or (node.op_type in ("Gemm", "MatMul") and not constants & set(node.input[:2]))
    )
