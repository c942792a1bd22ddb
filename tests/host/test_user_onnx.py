from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.graph import HEAD, head_nodes, write_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.user_onnx import InputFormat, normalised

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


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("softmax", [True, False], ids=["with softmax", "logits"])
def test_wrapped_model_computes_what_the_user_computes(layout: str, softmax: bool, tmp_path: Path) -> None:
    model = user_model(layout, softmax=softmax)
    preprocess = normalised(model, InputFormat(MEAN, STD))
    write_graph(model, tmp_path / "model.onnx")
    images = tuple(np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8))
    logits = collect(Engine(tmp_path / "model.onnx", "onnxruntime"), images, threads=1)["logits"]
    pixels = (np.stack(images) / 255 - np.array(MEAN)) / np.array(STD)
    assert (preprocess.height, preprocess.width) == (8, 8)
    np.testing.assert_allclose(logits, pixels.mean((1, 2)) @ WEIGHT, rtol=1e-4, atol=1e-4)


def test_head_is_found_and_named() -> None:
    model = user_model()
    normalised(model, InputFormat(MEAN, STD))
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
    ],
    ids=["no normalisation", "std 0", "two means", "open size", "other size", "fixed batch", "wrong layout"],
)
def test_unclear_input_is_refused(model: onnx.ModelProto, expects: InputFormat, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        normalised(model, expects)


def test_two_outputs_are_refused() -> None:
    model = user_model()
    model.graph.output.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["batch", 3]))
    with pytest.raises(Unsupported, match="expected one, of shape"):
        normalised(model, InputFormat(MEAN, STD))
