"""A user's own ONNX file that takes tensors."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from edgetl.errors import Unsupported
from edgetl.host.user_tensors import take_as_it_is
from edgetl.tensors import TensorSpec


def model_with(*inputs: onnx.ValueInfoProto) -> onnx.ModelProto:
    nodes = [helper.make_node("Identity", [inputs[0].name if inputs else "w"], ["out"])]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    return helper.make_model(helper.make_graph(nodes, "user", list(inputs), [output], [weight]))


def tensor(name: str, shape: list[int | str] | None, dtype: int = TensorProto.INT64) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def test_inputs_of_any_number_and_dtype_are_taken() -> None:
    sound = tensor("sound", [1, 1, "time"], TensorProto.FLOAT16)
    reader = take_as_it_is(model_with(tensor("ids", ["batch", "length"]), sound, tensor("w", [1], TensorProto.FLOAT)))
    assert reader.specs == (TensorSpec("ids", "int64", (None, None)), TensorSpec("sound", "float16", (1, 1, None)))
    assert reader.axes == {"ids": ("batch", "length"), "sound": ("", "", "time")}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (model_with(), "the model has no inputs"),
        (model_with(tensor("x", [4, 3])), "'x' has a fixed batch of 4; export it with 1 or a free one"),
        (model_with(tensor("x", None)), "'x' has no sizes"),
        (model_with(tensor("x", [])), "'x' has no sizes"),
        (model_with(tensor("x", ["N"], TensorProto.STRING)), "'x' is object, expected one of: uint8"),
    ],
    ids=["none", "fixed batch", "unknown rank", "a number", "text"],
)
def test_inputs_that_cannot_be_fed_are_refused(model: onnx.ModelProto, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        take_as_it_is(model)
