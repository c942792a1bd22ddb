"""A user's own trained ONNX file enters where torch's export ends: one input ``image``, ``uint8 NHWC``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.graph import FEATURES, HEAD, LOGITS
from edgetl.host.naming import fresh_name, rename_tensors, tensor_names
from edgetl.preprocess import Preprocess
from edgetl.tensors import Array

Layout = Literal["NCHW", "NHWC"]
Activation = Literal["Softmax", "LogSoftmax"]
IMAGE = "image"
_LEAST = 1e-30
"""A probability of which there is a logarithm."""
_SHAPING = ("Identity", "Flatten", "Reshape", "Squeeze")
"""Operators that may stand behind the last Softmax without changing a value."""
OURS = (LOGITS, FEATURES, f"{FEATURES}_float", f"{HEAD}.weight", f"{HEAD}.bias")
"""Names that later stages give to tensors of a classifier."""


@dataclass(frozen=True)
class InputFormat:
    """What the model expects: ``(x / 255 - mean) / std`` per RGB channel, in this layout; ``None`` is not given."""

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    layout: Layout | None = None
    size: tuple[int, int] | None = None
    """Height and width, for models that leave them open."""


@dataclass(frozen=True)
class Wrapping:
    """What was put before a user's model of images."""

    preprocess: Preprocess
    """How images become the wrapped model's input: squashed to its size."""
    layout: Layout
    mean: tuple[float, ...] | None
    """``None`` where the model takes ``uint8`` and normalises for itself."""
    std: tuple[float, ...] | None

    def feed(self, image: Array) -> Array:
        """What the model as it came takes for an image ``uint8 (h, w, 3)``: a batch of one, computed in numpy."""
        pixels: Array = image[None]
        if self.mean is not None and self.std is not None:
            scaled = pixels.astype(np.float64) / 255.0
            pixels = ((scaled - np.asarray(self.mean)) / np.asarray(self.std)).astype(np.float32)
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2) if self.layout == "NCHW" else pixels)


def wrap_classifier(model: onnx.ModelProto, expects: InputFormat) -> tuple[Wrapping, Activation | None]:
    """Wrap a model with one output, one score per class, in place; the output becomes ``logits``.

    A final Softmax or LogSoftmax is taken off.

    Returns:
        What was put around it, and what was taken off.

    Raises:
        Unsupported: not one input of images and one output, or nothing said about normalisation.
    """
    graph = model.graph
    check_one_output(graph)
    source = _only_input(model)
    wrapping = _wrapping(source, expects)
    step_aside(graph, (IMAGE, *OURS))
    removed = name_scores(graph)
    _wrap_input(graph, source, wrapping)
    name_nodes(graph)
    return wrapping, removed


def check_one_output(graph: onnx.GraphProto) -> None:
    """Refuse what is no classifier.

    Raises:
        Unsupported: not one output.
    """
    if len(graph.output) != 1:
        names = ", ".join(value.name for value in graph.output)
        raise Unsupported(
            f"the model's outputs are {names}; expected one, of shape (n, classes); "
            "with --task tensor a model may have several"
        )


def name_scores(graph: onnx.GraphProto) -> Activation | None:
    """Make ``logits`` of the only output, without its final Softmax or LogSoftmax, which is returned."""
    removed = _take_softmax_off(graph)
    rename_tensors(graph, {graph.output[0].name: LOGITS})
    return removed


def scores_of_probabilities(model: onnx.ModelProto) -> None:
    """Make ``logits`` of a classifier the logarithms of what they are; changed in place.

    For models that end in probabilities by other operators than a Softmax: the softmax of their logarithms is what they
    were.
    """
    graph = model.graph
    taken = tensor_names(graph)
    names = {part: fresh_name(f"{LOGITS}_{part}", taken) for part in ("probabilities", "least", "above")}
    output = onnx.ValueInfoProto()
    output.CopyFrom(graph.output[0])
    rename_tensors(graph, {LOGITS: names["probabilities"]})
    graph.output[0].CopyFrom(output)
    graph.initializer.append(numpy_helper.from_array(np.array(_LEAST, np.float32), names["least"]))
    graph.node.append(helper.make_node("Max", [names["probabilities"], names["least"]], [names["above"]]))
    graph.node.append(helper.make_node("Log", [names["above"]], [LOGITS]))
    name_nodes(graph)


def wrap_tensors(model: onnx.ModelProto, expects: InputFormat) -> Wrapping:
    """Wrap only the input of a model, in place; all of its outputs stay as they are, with their names.

    Raises:
        Unsupported: not one input of images, or nothing said about normalisation.
    """
    graph = model.graph
    source = _only_input(model)
    if any(value.name == IMAGE for value in graph.output):
        raise Unsupported(f"an output of the model is named {IMAGE!r}, as EdgeTL names the input; give it another name")
    wrapping = _wrapping(source, expects)
    step_aside(graph, (IMAGE,))
    _wrap_input(graph, source, wrapping)
    name_nodes(graph)
    return wrapping


def drop_listed_weights(model: onnx.ModelProto) -> None:
    """Weights that old files list as inputs too are only weights afterwards; changed in place."""
    graph = model.graph
    weights = {initializer.name for initializer in graph.initializer}
    for value in [value for value in graph.input if value.name in weights]:
        graph.input.remove(value)
    model.ir_version = max(model.ir_version, 4)


def name_nodes(graph: onnx.GraphProto) -> None:
    """Give every node a name of its own, and the last one ``head`` when it is one product with a constant weight."""
    taken = {HEAD}
    for place, node in enumerate(graph.node):
        wanted = node.name if node.name and node.name != HEAD else f"node_{place}_{node.op_type}"
        node.name = fresh_name(wanted, taken)
        taken.add(node.name)
    last = next((node for node in graph.node if LOGITS in node.output), None)
    constants = {initializer.name for initializer in graph.initializer}
    if last is not None and last.op_type == "Gemm" and last.input[1] in constants:
        last.name = HEAD


def classes_of(model: onnx.ModelProto) -> int | None:
    """Length of the logits, where the graph says it."""
    shape = onnx.shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim
    return shape[-1].dim_value if len(shape) == 2 and shape[-1].HasField("dim_value") else None


def _only_input(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    """The input of images."""
    drop_listed_weights(model)
    graph = model.graph
    if len(graph.input) != 1 or len(graph.input[0].type.tensor_type.shape.dim) != 4:
        names = ", ".join(value.name for value in graph.input)
        raise Unsupported(
            f"the model's inputs are {names or 'none'}; expected one of images, of four dimensions; a model of tokens, "
            "sound or other tensors takes samples as .npz files, one array for each input, in a folder for each class, "
            "or without labels with --task tensor"
        )
    found: onnx.ValueInfoProto = graph.input[0]
    tensor = found.type.tensor_type
    if tensor.elem_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8):
        name = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
        raise Unsupported(
            f"input {found.name!r} is {name}, expected float (float32) or uint8; export the model in float32, "
            "a device chooses a lower precision for itself where that is faster"
        )
    batch = tensor.shape.dim[0]
    if batch.HasField("dim_value") and batch.dim_value != 1:
        raise Unsupported(
            f"input {found.name!r} has a fixed batch of {batch.dim_value}; export it with 1 or a free one"
        )
    return found


def step_aside(graph: onnx.GraphProto, reserved: tuple[str, ...]) -> None:
    """Rename the user's tensors whose names are needed for others."""
    taken = tensor_names(graph)
    names: dict[str, str] = {}
    for name in reserved:
        if name in taken:
            names[name] = fresh_name(f"{name}_own", taken | set(names.values()))
    rename_tensors(graph, names)


def _take_softmax_off(graph: onnx.GraphProto) -> Activation | None:
    """Remove the last Softmax, through operators behind it that only shape; returns what was removed."""
    producers = {output: node for node in graph.node for output in node.output}
    node = producers.get(graph.output[0].name)
    while node is not None and node.op_type in _SHAPING:
        node = producers.get(node.input[0])
    if node is None or node.op_type not in ("Softmax", "LogSoftmax"):
        return None
    removed: Activation = "Softmax" if node.op_type == "Softmax" else "LogSoftmax"
    graph.node.remove(node)
    rename_tensors(graph, {node.output[0]: node.input[0]})
    return removed


def _wrapping(source: onnx.ValueInfoProto, expects: InputFormat) -> Wrapping:
    """What has to stand before an input; asked while it still has the name that its user knows."""
    shape = _shape(source)
    layout = expects.layout or ("NHWC" if shape[3] == 3 else "NCHW")
    height, width = _size(source.name, shape, layout, expects.size)
    return Wrapping(Preprocess(height=height, width=width), layout, *_statistics(source, expects))


def _shape(source: onnx.ValueInfoProto) -> list[int | None]:
    return [size.dim_value if size.HasField("dim_value") else None for size in source.type.tensor_type.shape.dim]


def _wrap_input(graph: onnx.GraphProto, source: onnx.ValueInfoProto, wrapping: Wrapping) -> None:
    """Put normalisation and layout before the model, and make ``image`` its input."""
    batch, size = _shape(source)[0], (wrapping.preprocess.height, wrapping.preprocess.width)
    graph.input.remove(source)
    graph.input.insert(0, helper.make_tensor_value_info(IMAGE, onnx.TensorProto.UINT8, [batch or "N", *size, 3]))
    if wrapping.mean is None and wrapping.layout == "NHWC":
        rename_tensors(graph, {source.name: IMAGE})
    else:
        for place, node in enumerate(_before(source.name, wrapping, graph)):
            graph.node.insert(place, node)
    del graph.value_info[:]


def _size(name: str, shape: list[int | None], layout: str, given: tuple[int, int] | None) -> tuple[int, int]:
    channels, height, width = (shape[1], *shape[2:]) if layout == "NCHW" else (shape[3], *shape[1:3])
    if channels not in (3, None):
        way = "export it with three and their mean, or give .npz samples" if channels == 1 else "another --layout"
        raise Unsupported(f"input {name!r} has {channels} channels in layout {layout}; expected 3, or {way}")
    if given is not None and any(has not in (wanted, None) for has, wanted in zip((height, width), given, strict=True)):
        raise Unsupported(
            f"input {name!r} takes {height or 'any'}x{width or 'any'} images, --size says {given[0]}x{given[1]}"
        )
    if given is None and (height is None or width is None):
        raise Unsupported(f"input {name!r} leaves its height and width open; say which with --size HxW")
    return given or (int(height or 0), int(width or 0))


def _statistics(
    source: onnx.ValueInfoProto, expects: InputFormat
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Mean and deviation to normalise by; ``None`` where the model takes bytes."""
    mean, std = expects.mean, expects.std
    if source.type.tensor_type.elem_type == onnx.TensorProto.UINT8:
        if mean is not None or std is not None:
            raise Unsupported(
                f"input {source.name!r} is uint8, so the model normalises for itself; leave out --mean and --std"
            )
        return None, None
    if mean is None or std is None:
        raise Unsupported(
            f"nothing says how input {source.name!r} is normalised, and a wrong guess costs accuracy silently; give "
            "--mean and --std for pixels from 0 to 1 (0,0,0 and 1,1,1 when the model takes them as they are)"
        )
    if len(mean) != 3 or len(std) != 3 or not np.isfinite((*mean, *std)).all() or min(std) <= 0:
        raise Unsupported(f"--mean and --std are three numbers each, std above 0; got {mean} and {std}")
    return mean, std


def _before(name: str, wrapping: Wrapping, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Nodes from ``image`` to the tensor ``name`` that the model used to take."""
    # cast first: the only reader of a uint8 input must be a Cast, or TensorRT refuses the graph
    steps: list[tuple[str, dict[str, Any], Array | None]] = [("Cast", {"to": onnx.TensorProto.FLOAT}, None)]
    if wrapping.layout == "NCHW":
        steps.append(("Transpose", {"perm": [0, 3, 1, 2]}, None))
    if wrapping.mean is None or wrapping.std is None:
        steps.append(("Cast", {"to": onnx.TensorProto.UINT8}, None))
    else:
        steps.append(("Sub", {}, 255.0 * np.asarray(wrapping.mean, np.float64)))
        steps.append(("Mul", {}, 1.0 / (255.0 * np.asarray(wrapping.std, np.float64))))
    shape = (1, 3, 1, 1) if wrapping.layout == "NCHW" else (1, 1, 1, 3)
    taken = tensor_names(graph) | {name}
    nodes, last = [], IMAGE
    for place, (kind, attributes, constant) in enumerate(steps):
        inputs = [last]
        if constant is not None:
            inputs.append(fresh_name(f"{IMAGE}_{kind.lower()}_by", taken))
            graph.initializer.append(numpy_helper.from_array(constant.astype(np.float32).reshape(shape), inputs[1]))
        last = name if place == len(steps) - 1 else fresh_name(f"{IMAGE}_{kind.lower()}", taken)
        taken = taken | {last, *inputs}
        nodes.append(helper.make_node(kind, inputs, [last], f"{IMAGE}_{kind.lower()}_{place}", **attributes))
    return nodes
