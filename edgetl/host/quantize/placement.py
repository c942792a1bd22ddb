"""Which nodes of a float graph lose by quantization, by kind of target."""

from __future__ import annotations

import math
from collections.abc import Collection

import onnx

from edgetl.host.graph import weights_of
from edgetl.host.operations import shapes, usual
from edgetl.host.quantize.rewrites import without_unused
from edgetl.host.quantize.rules.view import LAYERS, PAIRS, View

THIN = 16
"""Channels below which TensorRT's int8 kernels mostly lose to its fp16 ones."""


ALONG = ("Add", "BatchNormalization", "Clip", "MaxPool", "Relu")
"""Operators behind a convolution that ONNX Runtime computes on its integers."""


def better_on_cpus_in_float(model: onnx.ModelProto) -> frozenset[str]:
    """Products of two activations or of stacks of matrices, most sums, and clips to what is without zero.

    Sums are those with a constant, which have nothing to gain, and those of anything but results of convolutions: the
    stream of a transformer goes through two sums in every block and has a few large channels: in eight bits each sum
    rounds all that came before (ViT-Tiny: 20 dB, and 30 dB with its sums in float), and nothing reads its integers but
    the next sum. ONNX Runtime 1.31 computes attention's products wrong in uint8 (features of a small vision
    transformer: -2 dB, and 40 dB without its optimisations). Of constants with more than two dimensions its quantizer
    takes the wrong one for that of the outputs, and the graph fails at the first inference. It leaves out every Clip
    between quantized tensors, because their range clips; that has to contain zero.
    """
    view, convolved = View.of(model), _convolved(model)
    constants = view.constants.keys()
    return frozenset(
        node.name
        for node in model.graph.node
        if (node.op_type == "Add" and (constants & set(node.input) or not convolved & set(node.input)))
        or (node.op_type in ("Gemm", "MatMul") and not constants & set(node.input[:2]))
        or (
            node.op_type == "MatMul" and any(len(view.constants[name].dims) > 2 for name in constants & set(node.input))
        )
        or (node.op_type == "Clip" and not _clips_around_zero(view, node))
    )


def thin_for_tensorrt(model: onnx.ModelProto) -> frozenset[str]:
    """What TensorRT computes no faster in int8: products of one row, thin layers, and sums that it does not fuse.

    A batch of unknown size counts as 1, as on a device that answers one request at a time; any other unknown size, such
    as the length of a text, as many.

    References:
        NVIDIA Model Optimizer, ``find_nodes_from_convs_to_exclude`` and ``find_nodes_from_matmul_to_exclude``.
    """
    weights, sizes, depths = weights_of(model), shapes(model, usual(model)), _depths(model)
    fused = residual_sums(model)
    found = set()
    for node in model.graph.node:
        weight = weights.get(node.input[1]) if len(node.input) > 1 else None
        if node.op_type == "Conv":
            leave = weight is None or _is_thin(node, weight, depths.get(node.input[0], 0) == 0)
        elif node.op_type in ("Gemm", "MatMul"):
            leave = weight is None or _is_small(weight, sizes.get(node.output[0], ()))
        else:
            leave = node.op_type == "Add" and node.name not in fused
        if leave:
            found.add(node.name)
    return frozenset(found)


def residual_sums(model: onnx.ModelProto) -> dict[str, str]:
    """Sums of a convolution's result and another tensor: the name of each, and the tensor of its main branch.

    The main branch comes out of a convolution that nothing else reads; of two such, it is the one with more layers
    before it.
    """
    view, depths = View.of(model), _depths(model)
    outputs = {value.name for value in model.graph.output}
    sums: dict[str, str] = {}
    for node in view.nodes("Add"):
        main = [
            name
            for name in node.input
            if is_convolved(view, name) and len(view.readers[name]) == 1 and name not in outputs
        ]
        if main and set(node.input) <= view.producers.keys():
            sums[node.name] = max(main, key=lambda name: depths[name])
    return sums


def float_main_branches(quantized: onnx.ModelProto, model: onnx.ModelProto) -> onnx.ModelProto:
    """Let every residual sum read its main branch in float, so that TensorRT fuses it; changed in place.

    Args:
        quantized: with Q/DQ pairs on both inputs of these sums.
        model: the float graph it was made from.
    """
    view, main = View.of(quantized), residual_sums(model)
    for node in view.nodes("Add"):
        for place, name in enumerate(node.input):
            dequantizer = view.dequantizer(name)
            source = None if dequantizer is None else view.producers[dequantizer.input[0]].input[0]
            if source is not None and source == main.get(node.name):
                node.input[place] = source
    return without_unused(quantized)


def float_streams(quantized: onnx.ModelProto, on_integers: Collection[str]) -> onnx.ModelProto:
    """Let nodes in float read what others in float made, not what was rounded for a layer beside them; in place.

    Where normalisation stands behind each sum of a transformer (BERT), what the layers read is the stream itself:
    rounded for them, it was rounded for the sums, too, twice in every block.

    Args:
        quantized: with Q/DQ pairs.
        on_integers: names of the nodes that are computed on integers; what those make stays as it is, because a second
            reader would keep runtimes from rounding it on the way.
    """
    view = View.of(quantized)
    for node in quantized.graph.node:
        for place, name in enumerate(() if node.name in on_integers or node.op_type in PAIRS else node.input):
            dequantizer = view.dequantizer(name)
            quantizer = None if dequantizer is None else view.producers.get(dequantizer.input[0])
            maker = None if quantizer is None else view.producers.get(quantizer.input[0])
            if quantizer is not None and maker is not None and maker.name not in on_integers:
                node.input[place] = quantizer.input[0]
    return without_unused(quantized)


def _clips_around_zero(view: View, clip: onnx.NodeProto) -> bool:
    """Whether zero lies within its bounds; not where these are not constant."""

    def bound(name: str) -> float:
        values = view.array(name)
        return math.nan if values is None else float(values.item())

    low, high = (*clip.input[1:], "", "")[:2]
    return (not low or bound(low) <= 0) and (not high or bound(high) >= 0)


def is_convolved(view: View, name: str) -> bool:
    """Whether a tensor is what a convolution made, normalised or not."""
    node = view.producers.get(name)
    if node is not None and node.op_type == "BatchNormalization":
        node = view.producers.get(node.input[0])
    return node is not None and node.op_type == "Conv"


def _convolved(model: onnx.ModelProto) -> set[str]:
    """Results of convolutions, and what is made of them on integers; nodes are in order, as ONNX demands."""
    found: set[str] = set()
    for node in model.graph.node:
        if node.op_type == "Conv" or (node.op_type in ALONG and found & set(node.input)):
            found.update(node.output)
    return found


def _is_thin(node: onnx.NodeProto, weight: onnx.TensorProto, is_first: bool) -> bool:
    out, inside, *kernel = weight.dims
    if min(out, inside) >= THIN:
        return False
    groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
    if groups > 1:
        return bool(out % 8) or min(kernel) < 3
    is_wide_enough = is_first or max(out, inside) >= THIN
    return not (is_wide_enough and len(set(kernel)) == 1 and (out % 8 == 0 or inside % 8 == 0))


def _is_small(weight: onnx.TensorProto, result: tuple[int, ...]) -> bool:
    """Whether a product with constant weights has one row, or fewer than 16 columns or terms."""
    return math.prod(result[:-1]) <= 1 or len(weight.dims) != 2 or min(weight.dims) < THIN


def _depths(model: onnx.ModelProto) -> dict[str, int]:
    """How many layers lie on the longest way to each tensor; nodes are in order, as ONNX demands."""
    depths: dict[str, int] = {}
    for node in model.graph.node:
        before = max((depths.get(name, 0) for name in node.input), default=0)
        depths.update(dict.fromkeys(node.output, before + (node.op_type in LAYERS)))
    return depths
