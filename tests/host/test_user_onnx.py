from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.graph import HEAD, expose_features, head_nodes, read_graph, write_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.original import original_outputs, parity_with_original
from edgetl.host.user_onnx import Activation, InputFormat, wrap_classifier, wrap_tensors
from edgetl.tensors import Array

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WEIGHT = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def user_model(
    layout: str = "NCHW",
    batch: int | str = "batch",
    size: int | None = 8,
    softmax: bool = True,
    dtype: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Pooling and one matrix product, as other tools export it."""
    side = "side" if size is None else size
    shape = [batch, 3, side, side] if layout == "NCHW" else [batch, side, side, 3]
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["pooled"], axes=axes, keepdims=0),
        helper.make_node("Gemm", ["pooled", "weight"], ["scores"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["scores"], ["probabilities"], axis=-1))
    graph = helper.make_graph(
        nodes,
        "user",
        [helper.make_tensor_value_info("input", dtype, shape)],
        [helper.make_tensor_value_info("probabilities" if softmax else "scores", TensorProto.FLOAT, [batch, 4])],
        [numpy_helper.from_array(WEIGHT, "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def one_channel() -> onnx.ModelProto:
    model = user_model()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    return model


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("softmax", [True, False], ids=["with softmax", "logits"])
def test_wrapped_model_computes_what_the_user_computes(layout: str, softmax: bool, tmp_path: Path) -> None:
    model = user_model(layout, softmax=softmax)
    preprocess = wrap_classifier(model, InputFormat(MEAN, STD))[0].preprocess
    write_graph(model, tmp_path / "model.onnx")
    images = tuple(np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8))
    logits = collect(Engine(tmp_path / "model.onnx", "onnxruntime"), images, threads=1)["logits"]
    pixels = (np.stack(images) / 255 - np.array(MEAN)) / np.array(STD)
    assert (preprocess.height, preprocess.width) == (8, 8)
    np.testing.assert_allclose(logits, pixels.mean((1, 2)) @ WEIGHT, rtol=1e-4, atol=1e-4)


def test_head_is_found_and_named() -> None:
    model = user_model()
    wrap_classifier(model, InputFormat(MEAN, STD))
    assert head_nodes(model) == {HEAD}


@pytest.mark.parametrize(
    ("model", "expects", "message"),
    [
        (user_model(), InputFormat(), "--mean and --std"),
        (user_model(), InputFormat(MEAN, (1.0, 0.0, 1.0)), "std above 0"),
        (user_model(), InputFormat(MEAN[:2], STD), "three numbers"),
        (user_model(size=None), InputFormat(MEAN, STD), "--size HxW"),
        (user_model(), InputFormat(MEAN, STD, size=(16, 16)), "takes 8x8"),
        (user_model(batch=4), InputFormat(MEAN, STD), "fixed batch of 4"),
        (user_model(), InputFormat(MEAN, STD, layout="NHWC"), "8 channels"),
        (one_channel(), InputFormat(MEAN, STD, layout="NCHW"), "1 channels .* three and their mean"),
    ],
    ids=["no normalisation", "std 0", "two means", "open size", "other size", "fixed batch", "wrong layout", "grey"],
)
def test_unclear_input_is_refused(model: onnx.ModelProto, expects: InputFormat, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        wrap_classifier(model, expects)


def test_two_outputs_are_refused() -> None:
    model = user_model()
    model.graph.output.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["batch", 3]))
    with pytest.raises(Unsupported, match="expected one, of shape"):
        wrap_classifier(model, InputFormat(MEAN, STD))


NORMALISED = InputFormat(MEAN, STD)
IMAGES = tuple(np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8))
PIXELS = (np.stack(IMAGES) / 255 - np.array(MEAN)) / np.array(STD)
SCORES = PIXELS.mean((1, 2)) @ WEIGHT


def wrapped_and_original(
    model: onnx.ModelProto, folder: Path, task: str = "classify", expects: InputFormat = NORMALISED
) -> tuple[dict[str, Array], dict[str, Array], Activation | None]:
    """Outputs of both, computed by ONNX Runtime from files, and what was taken off."""
    onnx.save(model, folder / "original.onnx")
    wrapping, removed = (wrap_tensors(model, expects), None) if task == "tensor" else wrap_classifier(model, expects)
    write_graph(model, folder / "wrapped.onnx")
    onnx.checker.check_model(model, full_check=True)
    outputs = collect(Engine(folder / "wrapped.onnx", "onnxruntime"), IMAGES, threads=1)
    return outputs, original_outputs(folder / "original.onnx", IMAGES, wrapping, threads=1), removed


def renamed(model: onnx.ModelProto, names: dict[str, str]) -> onnx.ModelProto:
    graph = model.graph
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = names.get(value.name, value.name)
    return model


@pytest.mark.parametrize(
    "names",
    [
        {"input": "image"},
        {"input": "image", "pooled": "image_sub", "weight": "image_sub_by"},
        {"pooled": "logits", "scores": "features", "weight": "head.weight"},
        {"input": "logits", "probabilities": "image"},
        {"input": "features", "probabilities": "logits", "scores": "image_own"},
    ],
    ids=["input image", "between", "head", "swapped", "ours"],
)
def test_names_that_are_ours_step_aside(names: dict[str, str], tmp_path: Path) -> None:
    outputs, original, removed = wrapped_and_original(renamed(user_model(), names), tmp_path)
    assert list(outputs) == ["logits"]
    np.testing.assert_allclose(outputs["logits"], SCORES, rtol=1e-4, atol=1e-4)
    assert all(check.passed for check in parity_with_original(outputs, original, removed))


def test_head_weights_that_are_not_transposed_leave_features_of_the_right_width(tmp_path: Path) -> None:
    model = user_model()
    wrap_classifier(model, InputFormat(MEAN, STD))
    write_graph(model, tmp_path / "wrapped.onnx")
    expose_features(tmp_path / "wrapped.onnx", tmp_path / "features.onnx")
    (output,) = read_graph(tmp_path / "features.onnx").graph.output
    assert output.type.tensor_type.shape.dim[1].dim_value == 3


def ending(*nodes: tuple[str, dict[str, Any]]) -> onnx.ModelProto:
    """The user's model with other operators behind its scores."""
    model = user_model(softmax=False)
    graph, last = model.graph, "scores"
    for place, (kind, attributes) in enumerate(nodes):
        inputs = (
            [last, "shape"] if kind == "Reshape" else [last, "axes"] if kind in ("Unsqueeze", "Squeeze") else [last]
        )
        last = f"end_{place}"
        graph.node.append(helper.make_node(kind, inputs, [last], **attributes))
    graph.initializer.append(numpy_helper.from_array(np.array([-1, 4]), "shape"))
    graph.initializer.append(numpy_helper.from_array(np.array([2, 3]), "axes"))
    graph.output[0].name = last
    return model


SOFTMAX: tuple[str, dict[str, Any]] = ("Softmax", {"axis": 1})


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (ending(SOFTMAX, ("Identity", {})), "Softmax"),
        (ending(SOFTMAX, ("Flatten", {})), "Softmax"),
        (ending(SOFTMAX, ("Reshape", {}), ("Identity", {})), "Softmax"),
        (ending(("Unsqueeze", {}), SOFTMAX, ("Squeeze", {})), "Softmax"),
        (ending(("LogSoftmax", {"axis": -1})), "LogSoftmax"),
        (ending(("LogSoftmax", {"axis": -1}), ("Identity", {})), "LogSoftmax"),
        (ending(("Identity", {})), None),
    ],
    ids=["identity", "flatten", "reshape", "squeeze", "log", "log identity", "none"],
)
def test_the_last_softmax_is_taken_off_through_what_only_shapes(
    model: onnx.ModelProto, expected: str | None, tmp_path: Path
) -> None:
    outputs, original, removed = wrapped_and_original(model, tmp_path)
    assert removed == expected
    assert not {"Softmax", "LogSoftmax"} & {node.op_type for node in read_graph(tmp_path / "wrapped.onnx").graph.node}
    np.testing.assert_allclose(outputs["logits"], SCORES, rtol=1e-4, atol=1e-4)
    assert all(check.passed for check in parity_with_original(outputs, original, removed))


def test_the_task_tensor_keeps_every_output_and_its_name(tmp_path: Path) -> None:
    model = user_model()
    model.graph.output.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["batch", 3]))
    outputs, original, removed = wrapped_and_original(model, tmp_path, "tensor")
    assert set(outputs) == set(original) == {"probabilities", "pooled"}
    np.testing.assert_allclose(outputs["probabilities"].sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(outputs["pooled"], PIXELS.mean((1, 2)), rtol=1e-3, atol=1e-4)
    assert all(check.passed for check in parity_with_original(outputs, original, removed))


def test_the_task_tensor_refuses_an_output_with_the_name_of_the_input() -> None:
    with pytest.raises(Unsupported, match="an output of the model is named 'image'"):
        wrap_tensors(renamed(user_model(), {"probabilities": "image"}), InputFormat(MEAN, STD))


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT16, TensorProto.DOUBLE], ids=["float16", "double"])
def test_other_input_types_are_refused_by_name(dtype: int) -> None:
    name = TensorProto.DataType.Name(dtype).lower()
    with pytest.raises(Unsupported, match=f"input 'input' is {name}, expected float .*export the model in float32"):
        wrap_classifier(user_model(dtype=dtype), InputFormat(MEAN, STD))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_model_of_bytes_gets_bytes(layout: str, tmp_path: Path) -> None:
    model = user_model(layout, dtype=TensorProto.UINT8)
    model.graph.node[0].input[0] = "pixels"
    model.graph.node.insert(0, helper.make_node("Cast", ["input"], ["pixels"], to=TensorProto.FLOAT))
    outputs, original, removed = wrapped_and_original(model, tmp_path, expects=InputFormat())
    np.testing.assert_allclose(outputs["logits"], np.stack(IMAGES).mean((1, 2)) @ WEIGHT, rtol=1e-4, atol=1e-2)
    assert all(check.passed for check in parity_with_original(outputs, original, removed))


@pytest.mark.parametrize("wrap", [wrap_classifier, wrap_tensors])
def test_an_input_of_our_name_is_called_by_it_in_errors(wrap: Callable[..., object]) -> None:
    model = renamed(user_model(dtype=TensorProto.UINT8), {"input": "image"})
    with pytest.raises(Unsupported, match="input 'image' is uint8"):
        wrap(model, InputFormat((0, 0, 0), (1, 1, 1)))


def test_normalisation_for_a_model_of_bytes_is_refused() -> None:
    with pytest.raises(Unsupported, match="leave out --mean and --std"):
        wrap_classifier(user_model("NHWC", dtype=TensorProto.UINT8), InputFormat(MEAN, STD))


@pytest.mark.parametrize("softmax", [True, False], ids=["with softmax", "logits"])
def test_a_wrapping_that_computes_something_else_fails_the_comparison(softmax: bool, tmp_path: Path) -> None:
    outputs, original, removed = wrapped_and_original(user_model(softmax=softmax), tmp_path)
    (check,) = parity_with_original({"logits": outputs["logits"] * 1.1}, original, removed)
    assert not check.passed


def test_outputs_without_the_sample_first_are_refused(tmp_path: Path) -> None:
    model = user_model()
    model.graph.node.append(helper.make_node("ReduceSum", ["scores"], ["total"], keepdims=0))
    model.graph.output.append(helper.make_tensor_value_info("total", TensorProto.FLOAT, []))
    onnx.save(model, tmp_path / "original.onnx")
    wrapping = wrap_tensors(model, InputFormat(MEAN, STD))
    with pytest.raises(Unsupported, match=r"output 'total' of 'original\.onnx' has shape"):
        original_outputs(tmp_path / "original.onnx", IMAGES, wrapping, threads=1)
