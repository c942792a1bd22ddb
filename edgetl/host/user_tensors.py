"""A user's own trained ONNX file that takes tensors: any number of inputs, each with the sample first."""

from __future__ import annotations

import onnx

from edgetl.errors import Unsupported
from edgetl.host.data.tensors import TensorReader
from edgetl.host.specs import spec_of
from edgetl.host.user_onnx import (
    OURS,
    Activation,
    check_one_output,
    drop_listed_weights,
    name_nodes,
    name_scores,
    step_aside,
)


def take_as_it_is(model: onnx.ModelProto) -> TensorReader:
    """Give every node a name, in place, and say how samples are to be read.

    Raises:
        Unsupported: no inputs, or one of a type that EdgeTL cannot carry, of unknown rank, or with a fixed batch.
    """
    drop_listed_weights(model)
    inputs = tuple(model.graph.input)
    if not inputs:
        raise Unsupported("the model has no inputs, so its outputs are always the same; expected at least one")
    specs = tuple(spec_of(value) for value in inputs)
    for value, spec in zip(inputs, specs, strict=True):
        if not value.type.tensor_type.HasField("shape") or not spec.shape:
            raise Unsupported(f"input {spec.name!r} has no sizes; export it with the sample as first dimension")
        if spec.shape[0] not in (None, 1):
            raise Unsupported(
                f"input {spec.name!r} has a fixed batch of {spec.shape[0]}; export it with 1 or a free one as first "
                "dimension"
            )
    name_nodes(model.graph)
    axes = {value.name: tuple(size.dim_param for size in value.type.tensor_type.shape.dim) for value in inputs}
    return TensorReader(specs, axes)


def take_classifier(model: onnx.ModelProto) -> tuple[TensorReader, Activation | None]:
    """The same of a model with one output, one score per class, which becomes ``logits``, in place.

    Inputs keep their names, which samples know.

    Returns:
        How samples are to be read, and the final Softmax or LogSoftmax that was taken off.

    Raises:
        Unsupported: not one output, an input that is named as EdgeTL names something else, or what
            :func:`take_as_it_is` refuses.
    """
    graph = model.graph
    check_one_output(graph)
    drop_listed_weights(model)
    reserved = next((value.name for value in graph.input if value.name in OURS), None)
    if reserved is not None:
        raise Unsupported(
            f"an input of the model is named {reserved!r}, as EdgeTL names a part of every classifier; "
            "give it another name, there and in the samples"
        )
    step_aside(graph, OURS)
    removed = name_scores(graph)
    return take_as_it_is(model), removed
