"""Q/DQ graphs for OpenVINO on x86 CPUs with VNNI or AMX: as for these, but activation functions read floats.

ONNX Runtime computes a convolution on integers only where its result is quantized, so the graphs for CPUs round it
before a HardSwish, a SiLU or another function that works on floats, and once more behind it. OpenVINO computes such a
function together with the convolution in front of it, and quantizes on the way out: the first rounding costs it a
conversion and a subtraction for each, and some accuracy. In ONNX Runtime these graphs are slower than float.

Both products of attention are computed on integers where their factors come right out of linear layers, as in BERT:
int8 with a zero point of 0 for queries, keys and values. ONNX Runtime computed such products wrong in uint8.
"""

from __future__ import annotations

import onnx

from edgetl.errors import Unsupported
from edgetl.host.quantize.attention import attentions
from edgetl.host.quantize.placement import better_on_cpus_in_float
from edgetl.host.quantize.qdq import FLOAT_PRODUCTS, QdqRendering, fused
from edgetl.host.quantize.rewrites import without_unused
from edgetl.host.quantize.rules.openvino import rounded_for_functions
from edgetl.host.quantize.rules.view import View


def _better_in_float(model: onnx.ModelProto) -> frozenset[str]:
    products = {name for one in attentions(View.of(model)) for name in one.products}
    return better_on_cpus_in_float(model) - products


def _signed(model: onnx.ModelProto) -> frozenset[str]:
    return frozenset().union(*(one.factors for one in attentions(View.of(model))))


def _unrounded(quantized: onnx.ModelProto, model: onnx.ModelProto) -> onnx.ModelProto:
    """Let activation functions read what convolutions made; in place.

    Raises:
        Unsupported: none does, and no attention is computed on integers, so that the graph is that of ``x86-vnni``.
    """
    view = View.of(quantized)
    found = rounded_for_functions(view)
    if not found and not attentions(View.of(model)):
        raise Unsupported(
            "no graph for OpenVINO alone is worth its cost (there is neither an activation function, other than a "
            "ReLU, behind a convolution nor attention between linear layers); OpenVINO computes 'x86-vnni' as fast: "
            "have that among renderings"
        )
    for dequantizer in found:
        name, made = dequantizer.output[0], view.producers[dequantizer.input[0]].input[0]
        for node in view.readers[name]:
            node.input[:] = [made if one == name else one for one in node.input]
    return without_unused(quantized)


RENDERING = QdqRendering(
    "openvino",
    "uint8",
    frozenset({"openvino"}),
    prepare=fused,
    better_in_float=_better_in_float,
    signed=_signed,
    finish=_unrounded,
    options=FLOAT_PRODUCTS,
    is_stream_float=True,
    is_bias_integer=True,
    is_image_read=True,
    opened_by="openvino",
)
