"""Q/DQ graphs for OpenVINO on x86 CPUs with VNNI or AMX: as for these, but activation functions read floats.

ONNX Runtime computes a convolution on integers only where its result is quantized, so the graphs for CPUs round it
before a HardSwish, a SiLU or another function that works on floats, and once more behind it. OpenVINO computes such a
function together with the convolution in front of it, and quantizes on the way out: the first rounding costs it a
conversion and a subtraction for each, and some accuracy. In ONNX Runtime these graphs are slower than float.

Both products of attention are computed on integers where their factors come right out of linear layers, as in BERT:
int8 with a zero point of 0 for queries, keys and values.
"""

from __future__ import annotations

import onnx

from edgetl.errors import Unsupported
from edgetl.host.quantize.attention import Attention, attentions
from edgetl.host.quantize.placement import better_on_cpus_in_float
from edgetl.host.quantize.qdq import FLOAT_PRODUCTS, QdqRendering, fused
from edgetl.host.quantize.rewrites import without_unused
from edgetl.host.quantize.rules.openvino import FUNCTIONS, before_functions, read_as
from edgetl.host.quantize.rules.view import View

_KNOWN = f"{', '.join(sorted(FUNCTIONS)[:-1])} or {max(FUNCTIONS)}"


def _prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """Whichever layers are to stay in float, so that a graph does not come and go with them.

    Raises:
        Unsupported: the graph would be that of ``x86-vnni``.
    """
    if not before_functions(View.of(model)) and not _attentions(model):
        raise Unsupported(
            f"a graph for OpenVINO alone would be that of 'x86-vnni': no convolution is read by {_KNOWN} alone, and "
            "there is no attention between linear layers; have 'x86-vnni' among renderings, which is for OpenVINO, too"
        )
    return fused(model)


def _attentions(model: onnx.ModelProto) -> tuple[Attention, ...]:
    """Those whose factors have a known type; behind an operator that ONNX does not know nothing has one."""
    typed = {value.name for value in onnx.shape_inference.infer_shapes(model).graph.value_info}
    return tuple(one for one in attentions(View.of(model)) if one.factors <= typed)


def _better_in_float(model: onnx.ModelProto) -> frozenset[str]:
    return better_on_cpus_in_float(model) - {name for one in _attentions(model) for name in one.products}


def _signed(model: onnx.ModelProto) -> frozenset[str]:
    return frozenset().union(*(one.factors for one in _attentions(model)))


def _unrounded(quantized: onnx.ModelProto, _: onnx.ModelProto) -> onnx.ModelProto:
    """Let activation functions read what convolutions made; in place."""
    view = View.of(quantized)
    for layer in before_functions(view):
        made = layer.output[0]
        rounded = read_as(view, made)
        for node in view.readers[rounded]:
            node.input[:] = [made if one == rounded else one for one in node.input]
    return without_unused(quantized)


RENDERING = QdqRendering(
    "openvino",
    "uint8",
    frozenset({"openvino"}),
    prepare=_prepared,
    better_in_float=_better_in_float,
    signed=_signed,
    finish=_unrounded,
    options=FLOAT_PRODUCTS,
    is_stream_float=True,
    is_bias_integer=True,
    is_image_read=True,
    opened_by="openvino",
)
