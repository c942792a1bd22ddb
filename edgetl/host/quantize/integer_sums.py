"""What sums add to products on integers, as an int32 bias."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgetl.host.naming import fresh_name, tensor_names
from edgetl.host.quantize.rewrites import without_unused_weights
from edgetl.host.quantize.rules.view import View

_LIMIT = np.iinfo(np.int32).max


def integer_sums(quantized: onnx.ModelProto, keep_float: Collection[str] = ()) -> onnx.ModelProto:
    """Write the constant that a sum adds to a quantized product as int32, in steps of the product; in place.

    Exporters write linear layers of tokens so. ONNX Runtime (as of 1.32) makes one Gemm of product and sum before it
    looks for integers, and computes a Gemm on integers only where its bias is int32: with one in float it dequantizes
    the weights at every inference and multiplies in float. What is too large for int32 stays in float.

    Args:
        keep_float: names of nodes, sums among them, that read no integers.
    """
    view, taken = View.of(quantized), set(tensor_names(quantized.graph))
    for product in tuple(view.nodes("MatMul")):
        total = view.only_reader(product.output[0])
        is_wanted = view.is_quantized(product) and total is not None and total.name not in keep_float
        name = view.bias(product) if is_wanted else None
        values = None if name is None else view.array(name)
        steps = _steps(view, product)
        if name is None or values is None or steps is None or values.ndim != 1 or steps.size not in (1, values.size):
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            integers = np.rint(values / np.broadcast_to(steps, values.shape))
        if np.all(np.abs(integers) <= _LIMIT):
            _write(view, name, (integers.astype(np.int32), steps), taken)
    without_unused_weights(quantized.graph)
    return quantized


def _steps(view: View, product: onnx.NodeProto) -> NDArray[np.float32] | None:
    """One unit of a sum of integers, for all outputs or for each."""
    origins = [view.origin(name) for name in product.input[:2]]
    activations, weights = (None if origin is None else view.array(origin.input[1]) for origin in origins)
    if activations is None or weights is None or activations.size != 1:
        return None
    steps: NDArray[np.float32] = activations.reshape(()) * weights
    return steps.astype(np.float32)


def _write(view: View, name: str, bias: tuple[NDArray[np.int32], NDArray[np.float32]], taken: set[str]) -> None:
    """Put integers and a DequantizeLinear in the place of a float constant."""
    (total,), graph = view.readers[name], view.model.graph
    integers, steps = bias
    parts = {"quantized": integers, "scale": steps, "zero_point": np.zeros(steps.shape, np.int32)}
    names = [fresh_name(f"{name}_{part}", taken) for part in parts]
    graph.initializer.extend(
        numpy_helper.from_array(values, given) for given, values in zip(names, parts.values(), strict=True)
    )
    read = fresh_name(f"{name}_dequantized", taken)
    taken.update((*names, read))
    dequantizer = helper.make_node("DequantizeLinear", names, [read], read)
    if steps.ndim:
        dequantizer.attribute.append(helper.make_attribute("axis", 0))
    place = list(graph.node).index(total)
    total.input[:] = [read if one == name else one for one in total.input]
    graph.node.insert(place, dequantizer)
