"""A user's own trained ONNX file enters where torch's export ends: ``uint8 NHWC`` in, ``logits`` out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.graph import HEAD, LOGITS
from edgetl.preprocess import Preprocess

Layout = Literal["NCHW", "NHWC"]
IMAGE = "image"


@dataclass(frozen=True)
class InputFormat:
    """What the model expects: ``(x / 255 - mean) / std`` per RGB channel, in this layout; ``None`` is not given."""

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    layout: Layout | None = None
    size: tuple[int, int] | None = None
    """Height and width, for models that leave them open."""


def normalised(model: onnx.ModelProto, expects: InputFormat) -> Preprocess:
    """Put normalisation and layout inside the graph, in place: its input becomes ``image``, ``uint8 (N, h, w, 3)``.

    The output becomes ``logits``; a final Softmax is taken off, because EdgeTL's runtime applies it and quantization
    wants what is before it.

    Returns:
        How images become that input: squashed to its size.

    Raises:
        Unsupported: not one input of images and one output, or nothing said about normalisation.
    """
    graph = model.graph
    source = _only_input(graph)
    tensor = source.type.tensor_type
    shape = [size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim]
    layout = expects.layout or ("NHWC" if len(shape) == 4 and shape[3] == 3 else "NCHW")
    height, width = _size(source.name, shape, layout, expects.size)
    _logits(graph)
    if tensor.elem_type == onnx.TensorProto.UINT8 and layout == "NHWC":
        _rename_reads(graph, source.name, IMAGE)
    else:
        nodes = _normalisation(source, layout, expects, graph)
        for place, node in enumerate(nodes):
            graph.node.insert(place, node)
    batch = "N" if shape[0] is None else shape[0]
    graph.input.remove(source)
    graph.input.insert(0, helper.make_tensor_value_info(IMAGE, onnx.TensorProto.UINT8, [batch, height, width, 3]))
    del graph.value_info[:]
    _name_head(graph)
    return Preprocess(height=height, width=width)


def classes_of(model: onnx.ModelProto) -> int | None:
    """Length of the logits, where the graph says it."""
    shape = onnx.shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim
    return shape[-1].dim_value if len(shape) == 2 and shape[-1].HasField("dim_value") else None


def _only_input(graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    weights = {initializer.name for initializer in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1 or len(inputs[0].type.tensor_type.shape.dim) != 4:
        names = ", ".join(value.name for value in inputs)
        raise Unsupported(f"the model's inputs are {names or 'none'}; expected one of images, of four dimensions")
    batch = inputs[0].type.tensor_type.shape.dim[0]
    if batch.HasField("dim_value") and batch.dim_value != 1:
        raise Unsupported(
            f"input {inputs[0].name!r} has a fixed batch of {batch.dim_value}; export it with 1 or a free one"
        )
    found: onnx.ValueInfoProto = inputs[0]
    return found


def _size(name: str, shape: list[int | None], layout: str, given: tuple[int, int] | None) -> tuple[int, int]:
    channels, height, width = (shape[1], *shape[2:]) if layout == "NCHW" else (shape[3], *shape[1:3])
    if channels not in (3, None):
        raise Unsupported(f"input {name!r} has {channels} channels in layout {layout}; expected 3, or another --layout")
    if given is not None and (height, width) != given and None not in (height, width):
        raise Unsupported(f"input {name!r} takes {height}x{width} images, --size says {given[0]}x{given[1]}")
    if given is None and (height is None or width is None):
        raise Unsupported(f"input {name!r} leaves its height and width open; say which with --size HxW")
    return given or (int(height or 0), int(width or 0))


def _logits(graph: onnx.GraphProto) -> None:
    if len(graph.output) != 1:
        names = ", ".join(value.name for value in graph.output)
        raise Unsupported(f"the model's outputs are {names}; expected one, of shape (n, classes)")
    old = graph.output[0].name
    last = next((node for node in graph.node if old in node.output), None)
    if last is not None and last.op_type == "Softmax":
        graph.node.remove(last)
        old = last.input[0]
    for node in graph.node:
        node.input[:] = [LOGITS if name == old else name for name in node.input]
        node.output[:] = [LOGITS if name == old else name for name in node.output]
    graph.output[0].name = LOGITS


def _normalisation(
    source: onnx.ValueInfoProto, layout: str, expects: InputFormat, graph: onnx.GraphProto
) -> list[onnx.NodeProto]:
    mean, std = expects.mean, expects.std
    if mean is None or std is None:
        raise Unsupported(
            f"nothing says how input {source.name!r} is normalised, and a wrong guess costs accuracy silently; give "
            "--mean and --std for pixels from 0 to 1 (0,0,0 and 1,1,1 when the model takes them as they are)"
        )
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise Unsupported(f"--mean and --std are three numbers each, std above 0; got {mean} and {std}")
    # cast first: the only reader of a uint8 input must be a Cast, or TensorRT refuses the graph
    nodes = [helper.make_node("Cast", [IMAGE], ["image_float"], "image_cast", to=onnx.TensorProto.FLOAT)]
    last = "image_float"
    if layout == "NCHW":
        nodes.append(helper.make_node("Transpose", [last], ["image_nchw"], "image_transpose", perm=[0, 3, 1, 2]))
        last = "image_nchw"
    shape = (1, 3, 1, 1) if layout == "NCHW" else (1, 1, 1, 3)
    constants = {
        "image_mean": 255.0 * np.asarray(mean, np.float64),
        "image_scale": 1.0 / (255.0 * np.asarray(std, np.float64)),
    }
    for name, values in constants.items():
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float32).reshape(shape), name))
    nodes.append(helper.make_node("Sub", [last, "image_mean"], ["image_centred"], "image_centre"))
    nodes.append(helper.make_node("Mul", ["image_centred", "image_scale"], [source.name], "image_normalise"))
    return nodes


def _rename_reads(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]


def _name_head(graph: onnx.GraphProto) -> None:
    """Name every node, and the last one ``head`` when it is one matrix product with a constant weight."""
    for place, node in enumerate(graph.node):
        node.name = f"node_{place}_{node.op_type}" if not node.name or node.name == HEAD else node.name
    last = next((node for node in graph.node if LOGITS in node.output), None)
    constants = {initializer.name for initializer in graph.initializer}
    if last is not None and last.op_type == "Gemm" and last.input[1] in constants:
        last.name = HEAD
