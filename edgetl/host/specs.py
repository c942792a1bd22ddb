"""What an ONNX graph says of the tensors it takes and gives."""

from __future__ import annotations

from typing import cast, get_args

import onnx
from onnx import helper

from edgetl.errors import Unsupported
from edgetl.tensors import DType, TensorSpec


def spec_of(value: onnx.ValueInfoProto) -> TensorSpec:
    """Name, dtype and sizes of an input or output.

    Raises:
        Unsupported: it is of a type that EdgeTL cannot carry.
    """
    tensor = value.type.tensor_type
    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    except KeyError:
        dtype = "no tensor"
    if dtype not in get_args(DType):
        raise Unsupported(f"tensor {value.name!r} is {dtype}, expected one of: {', '.join(get_args(DType))}")
    shape = tuple(size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim)
    return TensorSpec(value.name, cast(DType, dtype), shape)
