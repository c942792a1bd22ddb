"""Every operator computes in torch what ONNX Runtime computes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.quantize.activations import activations
from edgetl.host.quantize.tuning.operators import OPERATORS
from edgetl.host.quantize.tuning.operators.rounding import rounded
from edgetl.host.quantize.tuning.program import Program
from edgetl.tensors import Array

SHAPE = (4, 9, 8)
RNG = np.random.default_rng(0)


def floats(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def integers(*values: int) -> Array:
    return np.array(values, np.int64)


@dataclass(frozen=True)
class Case:
    kind: str
    constants: tuple[Array | None, ...] = ()
    """Behind the input, which is ``(1, 4, 9, 8)``; ``None`` where one is left out."""
    attributes: dict[str, Any] = field(default_factory=dict)
    behind: tuple[str, ...] = ()
    """Operators between the input and this one."""

    def __str__(self) -> str:
        return "-".join([self.kind, *map(str, self.attributes.values())]).replace(" ", "")


CHANNELS = floats(4, 1, 1)
CASES = (
    *(Case(kind) for kind in ("Erf", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Neg", "Relu", "Sigmoid")),
    *(
        Case(kind)
        for kind in (
            "Abs",
            "Cos",
            "Dropout",
            "Exp",
            "Flatten",
            "GlobalAveragePool",
            "GlobalMaxPool",
            "Sign",
            "Sin",
            "Tanh",
        )
    ),
    *(Case(kind, behind=("Abs",)) for kind in ("Log", "Reciprocal", "Sqrt")),
    *(Case(kind, (CHANNELS,)) for kind in ("Add", "Div", "Max", "Min", "Mul", "Sub")),
    *(Case(kind, (integers(2, 3),), {"keepdims": 0}) for kind in ("ReduceL2", "ReduceMax", "ReduceMean", "ReduceSum")),
    Case("AveragePool", (), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    Case("AveragePool", (), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    Case("BatchNormalization", (floats(4), floats(4), floats(4), np.abs(floats(4)))),
    Case("Clip", (np.float32(-0.5), None)),
    Case("Clip", (np.float32(-0.5), np.float32(0.5))),
    Case("CumSum", (np.int64(2),)),
    Case("Concat", (floats(1, 4, 9, 8),), {"axis": 2}),
    Case("Conv", (floats(6, 4, 3, 3), floats(6)), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    Case("Conv", (floats(8, 1, 3, 3),), {"group": 4, "pads": [0, 1, 2, 1], "dilations": [2, 1]}),
    Case("Expand", (integers(2, 4, 9, 8),)),
    Case("Gather", (integers(-1, 0),), {"axis": 1}),
    Case("Gelu", (), {"approximate": "tanh"}),
    Case("Gemm", (floats(3, 288), floats(3)), {"transB": 1, "alpha": 0.5}, behind=("Flatten",)),
    Case("LayerNormalization", (floats(8), floats(8)), {"epsilon": 1e-3}),
    Case("MatMul", (floats(8, 3),)),
    Case("MaxPool", (), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 0, 0]}),
    Case("MaxPool", (), {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    Case("Pad", (integers(0, 0, 1, 2, 0, 0, 3, 4), np.float32(0.5))),
    Case("Pow", (np.float32(2),)),
    Case("Reshape", (integers(0, -1, 8),)),
    Case("Resize", (None, None, integers(1, 4, 5, 6)), {"mode": "linear"}),
    Case("Resize", (None, None, integers(1, 4, 18, 4)), {"mode": "cubic"}),
    Case("Resize", (None, np.array([1, 1, 2, 0.5], np.float32)), {"mode": "linear"}),
    Case(
        "Resize",
        (None, np.array([1, 1, 2, 2], np.float32)),
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    ),
    Case("Slice", (integers(-5, 7), integers(2**62, 0), integers(2, 3), integers(1, -2))),
    Case("Softmax", (), {"axis": 1}),
    Case("Softplus"),
    Case("Squeeze", (integers(0),)),
    Case("Transpose", (), {"perm": [0, 2, 3, 1]}),
    Case("Unsqueeze", (integers(-1, 1),)),
)


def graph(case: Case) -> onnx.ModelProto:
    names = [f"constant_{place}" if value is not None else "" for place, value in enumerate(case.constants)]
    nodes, source = [], "x"
    for kind in case.behind:
        nodes.append(helper.make_node(kind, [source], [f"{kind}_"], kind))
        source = f"{kind}_"
    nodes.append(helper.make_node(case.kind, [source, *names], ["y"], "it", **case.attributes))
    tensors = [
        numpy_helper.from_array(np.asarray(value), name)
        for name, value in zip(names, case.constants, strict=True)
        if value is not None
    ]
    return model(nodes, tensors)


def model(nodes: list[onnx.NodeProto], tensors: list[onnx.TensorProto]) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (1, *SHAPE))
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    whole = helper.make_graph(nodes, "one", [x], [y], tensors)
    return helper.make_model(whole, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


def both(one: onnx.ModelProto, image: Array) -> tuple[Array, Array]:
    (wanted,) = activations(one, ("y",), [image], threads=1)
    return Program(one, ["y"])({"x": torch.from_numpy(image)[None]})["y"].numpy(), wanted["y"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_operator_agrees_with_onnx_runtime(case: Case) -> None:
    got, wanted = both(graph(case), floats(*SHAPE))

    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_sizes_that_are_computed_agree() -> None:
    """As networks with tokens ask for their batch, and split what they computed together."""
    constants = {"first": integers(0), "last": integers(1), "axis": integers(0), "rest": integers(-1, 8), "none": 0}
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"], "a"),
        helper.make_node("Slice", ["sizes", "first", "last", "axis"], ["batch"], "b"),
        helper.make_node("Concat", ["batch", "rest"], ["target"], "c", axis=0),
        helper.make_node("Reshape", ["x", "target"], ["tokens"], "d"),
        helper.make_node("Split", ["tokens"], ["left", "right"], "e", axis=1, num_outputs=2),
        helper.make_node("Shape", ["right"], ["shape"], "f"),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"], "g"),
        helper.make_node("Cast", ["none"], ["zero"], "h", to=onnx.TensorProto.FLOAT),
        helper.make_node("Constant", [], ["one"], "i", value_float=1.0),
        helper.make_node("Equal", ["zeros", "zero"], ["is_zero"], "j"),
        helper.make_node("Where", ["is_zero", "left", "one"], ["kept"], "k"),
        helper.make_node("Add", ["kept", "right"], ["y"], "l"),
    ]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]

    got, wanted = both(model(nodes, tensors), floats(*SHAPE))

    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_what_is_true_or_false_agrees() -> None:
    """As networks with tokens say which of them count."""
    constants = {"low": np.float32(-0.5), "high": np.float32(0.5), "none": np.float32(0)}
    nodes = [
        helper.make_node("Greater", ["x", "low"], ["above"], "a"),
        helper.make_node("LessOrEqual", ["x", "high"], ["below"], "b"),
        helper.make_node("And", ["above", "below"], ["within"], "c"),
        helper.make_node("Less", ["x", "none"], ["negative"], "d"),
        helper.make_node("GreaterOrEqual", ["x", "none"], ["positive"], "e"),
        helper.make_node("Not", ["negative"], ["other"], "f"),
        helper.make_node("Equal", ["positive", "other"], ["same"], "g"),
        helper.make_node("Log", ["x"], ["log"], "h"),
        helper.make_node("IsNaN", ["log"], ["odd"], "i"),
        helper.make_node("Or", ["odd", "within"], ["either"], "j"),
        helper.make_node("And", ["either", "same"], ["all"], "k"),
        helper.make_node("Where", ["all", "x", "high"], ["y"], "l"),
    ]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]

    got, wanted = both(model(nodes, tensors), floats(*SHAPE))

    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
@pytest.mark.parametrize("axis", [None, 1, -1])
def test_pairs_round_as_onnx_runtime_does(kind: type[np.generic], axis: int | None) -> None:
    count = 1 if axis is None else SHAPE[0] if axis == 1 else SHAPE[-1]
    # halves of steps are exact in floats, so that both must round them to even
    scale = np.full(count, 0.25, np.float32) * 2.0 ** np.arange(count).astype(np.float32)
    zero = RNG.integers(3, 9, count).astype(kind)
    tensors = [numpy_helper.from_array(value[0] if axis is None else value, name) for value, name in
               ((scale, "scale"), (zero, "zero"))]  # fmt: skip
    more = {} if axis is None else {"axis": axis}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], "q", **more),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"], "d", **more),
    ]
    image = (RNG.integers(-400, 400, SHAPE) / 8).astype(np.float32)

    got, wanted = both(model(nodes, tensors), image)

    np.testing.assert_array_equal(got, wanted)


def test_gradients_pass_rounding_where_nothing_is_clipped() -> None:
    x = torch.tensor([-3.0, -0.2, 0.6, 1.4, 99.0], requires_grad=True)
    scale = torch.tensor(0.5)

    found = rounded(x, scale, torch.tensor(1.0), (0.0, 10.0)) - 1
    (found * scale).sum().backward()

    assert x.grad is not None
    np.testing.assert_array_equal(x.grad, [0, 1, 1, 1, 0])


def test_an_unknown_operator_is_named() -> None:
    assert "Det" not in OPERATORS

    with pytest.raises(Unsupported, match=r"operator Det \(node 'it'\) cannot be tuned"):
        Program(graph(Case("Det")), ["y"])


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (Case("Resize", (None, None, integers(1, 4, 5, 6)), {"mode": "nearest"}), "mode 'nearest' and 'half_pixel'"),
        (Case("Resize", (None, None, integers(1, 4, 5, 6)), {"mode": "linear", "antialias": 1}), "with antialias"),
        (
            Case("Resize", (None, np.array([1, 1, 1.3, 1.5], np.float32)), {"mode": "linear"}),
            "which give no whole size",
        ),
        (Case("Conv", (floats(6, 4, 3, 3),), {"auto_pad": "SAME_UPPER"}), "auto_pad 'SAME_UPPER'"),
        (Case("CumSum", (np.int64(2),), {"reverse": 1}), "with exclusive or reverse"),
        (Case("MatMul", (floats(3, 3),)), "node 'it' .MatMul. cannot be computed"),
    ],
    ids=lambda value: value.kind if isinstance(value, Case) else "",
)
def test_a_setting_without_a_counterpart_is_named(case: Case, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        Program(graph(case), ["y"])({"x": torch.zeros(1, *SHAPE)})


def test_a_tensor_that_is_not_there_is_named() -> None:
    with pytest.raises(Unsupported, match="no tensor 'z'"):
        Program(graph(Case("Relu")), ["z"])
