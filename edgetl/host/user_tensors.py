"""A user's own trained ONNX file that takes tensors: any number of inputs, each with the sample first."""

from __future__ import annotations

import onnx

from edgetl.errors import Unsupported
from edgetl.host.data.tensors import TensorReader
from edgetl.host.specs import spec_of
from edgetl.host.user_onnx import drop_listed_weights, name_nodes


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
