"""Every rule finds the graph that breaks it, and leaves alone the one that keeps it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.errors import EdgeTLError
from edgetl.host import graph
from edgetl.host.quantize.rules import RULES, Remark, broken, check_rules, remarks
from edgetl.host.quantize.rules.rule import Rule
from edgetl.plugins import BACKENDS, RENDERINGS, find
from edgetl.tensors import Array

Change = Callable[[onnx.ModelProto], None]


def sound() -> onnx.ModelProto:
    """A convolution with symmetric Q/DQ pairs, 7-bit weights, a quantized result and a skip branch in float."""
    constants: dict[str, Array] = {
        "scale": np.array(0.1, np.float32),
        "zero": np.array(0, np.int8),
        "w": np.full((4, 3, 1, 1), 5, np.int8),
        "scales": np.full(4, 0.1, np.float32),
        "zeros": np.zeros(4, np.int8),
        "b": np.zeros(4, np.float32),
    }
    pair = ["scale", "zero"]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], "cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("QuantizeLinear", ["pixels", *pair], ["xq"], "q"),
        helper.make_node("DequantizeLinear", ["xq", *pair], ["x"], "dq"),
        helper.make_node("DequantizeLinear", ["w", "scales", "zeros"], ["wd"], "dqw", axis=0),
        helper.make_node("Conv", ["x", "wd", "b"], ["y"], "conv"),
        helper.make_node("QuantizeLinear", ["y", *pair], ["yq"], "q2"),
        helper.make_node("DequantizeLinear", ["yq", *pair], ["out"], "dq2"),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", 3, 8, 8])
    out = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)
    made = helper.make_graph(nodes, "sound", [image], [out], tensors)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(one for one in model.graph.node if one.name == name)


def constant(name: str, value: Array) -> Change:
    def change(model: onnx.ModelProto) -> None:
        graph.weights_of(model)[name].CopyFrom(numpy_helper.from_array(value, name))

    return change


def without_zero(model: onnx.ModelProto) -> None:
    del node(model, "q").input[2]


def integer_bias(model: onnx.ModelProto) -> None:
    constant("b", np.zeros(4, np.int32))(model)
    model.graph.node.insert(0, helper.make_node("DequantizeLinear", ["b", "scales"], ["bd"], "dqb", axis=0))
    node(model, "conv").input[2] = "bd"


def newer(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 18


def transpose_first(model: onnx.ModelProto) -> None:
    model.graph.node.insert(0, helper.make_node("Transpose", ["image"], ["t"], "transpose", perm=[0, 2, 3, 1]))


def appended(*nodes: onnx.NodeProto) -> Change:
    return lambda model: model.graph.node.extend(nodes)


SUM = (
    helper.make_node("DequantizeLinear", ["xq", "scale", "zero"], ["skip"], "dq3"),
    helper.make_node("Add", ["out", "skip"], ["sum"], "sum"),
)


def halves(kind: int) -> Change:
    def change(model: onnx.ModelProto) -> None:
        node(model, "conv").input[1] = "half"
        model.graph.initializer.append(helper.make_tensor("half", kind, [1], b"\0\0", raw=True))

    return change


def float_result(model: onnx.ModelProto) -> None:
    node(model, "q2").input[0] = "x"


def linear_layer(model: onnx.ModelProto) -> None:
    """Of tokens, as exporters write it: a product and a sum."""
    values = {"v": np.full((8, 8), 5, np.int8), "v_scale": np.float32(0.1), "v_bias": np.zeros(8, np.float32)}
    model.graph.initializer.extend(numpy_helper.from_array(np.array(value), name) for name, value in values.items())
    model.graph.node.extend(
        [
            helper.make_node("DequantizeLinear", ["v", "v_scale", "zero"], ["vd"], "dqv"),
            helper.make_node("MatMul", ["out", "vd"], ["product"], "product"),
            helper.make_node("Add", ["product", "v_bias"], ["total"], "total"),
        ]
    )


def float_layer(model: onnx.ModelProto) -> None:
    """A layer in float that reads what was dequantized."""
    model.graph.initializer.append(numpy_helper.from_array(np.ones((2, 4, 1, 1), np.float32), "u"))
    model.graph.node.append(helper.make_node("Conv", ["out", "u"], ["v"], "float_conv"))


def attention(model: onnx.ModelProto) -> None:
    """Of linear layers without biases."""
    model.graph.initializer.append(numpy_helper.from_array(np.ones((8, 8), np.float32), "v"))
    model.graph.node.extend(helper.make_node("MatMul", ["out", "v"], [name], f"to_{name}") for name in ("q", "k", "u"))
    model.graph.node.extend(
        [
            helper.make_node("Transpose", ["k"], ["kt"], "turn", perm=[0, 1, 3, 2]),
            helper.make_node("MatMul", ["q", "kt"], ["scores"], "scores"),
            helper.make_node("Softmax", ["scores"], ["shares"], "softmax"),
            helper.make_node("MatMul", ["shares", "u"], ["mixed"], "mixed"),
        ]
    )


def function(model: onnx.ModelProto) -> None:
    """Behind the pair of the convolution's result."""
    model.graph.node.append(helper.make_node("HardSwish", ["out"], ["h"], "function"))
    model.graph.output[0].name = "h"


BROKEN: dict[tuple[str, str], Change] = {
    ("tensorrt", "symmetric"): constant("zero", np.array(-128, np.int8)),
    ("tensorrt", "explicit-zero-point"): without_zero,
    ("tensorrt", "float-bias"): integer_bias,
    ("tensorrt", "per-tensor-activations"): constant("scale", np.array([0.1, 0.2, 0.1], np.float32)),
    ("tensorrt", "opset"): newer,
    ("tensorrt", "cast-first"): transpose_first,
    ("tensorrt", "no-integer-operators"): appended(helper.make_node("QLinearConv", ["xq"], ["r"], "integer")),
    ("tensorrt", "one-summand"): appended(*SUM),
    ("tensorrt", "one-dequantizer"): appended(SUM[0]),
    ("tensorrt", "weight-range"): constant("w", np.full((4, 3, 1, 1), -128, np.int8)),
    ("tensorrt", "layer-normalization"): appended(helper.make_node("LayerNormalization", ["x", "b"], ["n"], "norm")),
    ("tensorrt", "gelu"): appended(helper.make_node("Gelu", ["x"], ["g"], "gelu")),
    ("tensorrt", "bf16"): halves(onnx.TensorProto.BFLOAT16),
    ("onnxruntime", "quantized-results"): float_result,
    ("onnxruntime", "integer-sums"): linear_layer,
    ("onnxruntime", "float-layers"): float_layer,
    ("onnxruntime", "no-saturation"): constant("w", np.full((4, 3, 1, 1), 65, np.int8)),
    ("onnxruntime", "fp16-kernels"): halves(onnx.TensorProto.FLOAT16),
    ("onnxruntime", "bf16-kernels"): halves(onnx.TensorProto.BFLOAT16),
    ("onnxruntime", "matching-types"): constant("zeros", np.zeros(4, np.uint8)),
    ("openvino", "no-integer-operators"): appended(helper.make_node("ConvInteger", ["xq"], ["r"], "integer")),
    ("openvino", "shifted-int8"): constant("zero", np.array(-128, np.int8)),
    ("openvino", "integer-attention"): attention,
    ("openvino", "unrounded-functions"): function,
}
ALWAYS = ("onnxruntime", "unsigned-activations")
"""The one rule that a graph for TensorRT cannot keep."""


def broken_rules(model: onnx.ModelProto) -> set[tuple[str, str]]:
    return {(remark.rule.runtime, remark.rule.name) for remark in broken(model)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.runtime}-{rule.name}")
def test_a_rule_finds_what_breaks_it(rule: object) -> None:
    key = (rule.runtime, rule.name)  # type: ignore[attr-defined]
    model = sound()
    if key == ALWAYS:
        assert broken_rules(model) == {ALWAYS}
        return
    assert key not in broken_rules(model)

    BROKEN[key](model)

    assert key in broken_rules(model)


def test_names_of_rules_are_unique_and_bind_renderings_of_the_table() -> None:
    keys = [(rule.runtime, rule.name) for rule in RULES]

    assert len(set(keys)) == len(keys)
    assert {rule.runtime for rule in RULES} <= {*BACKENDS, "tensorrt"}
    assert frozenset[str]().union(*(rule.binds for rule in RULES)) <= RENDERINGS.keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.runtime}-{rule.name}")
def test_a_rule_spares_renderings_for_its_runtime_that_it_does_not_bind(rule: Rule) -> None:
    meant = {name for name in RENDERINGS if rule.runtime in find(RENDERINGS, name, "rendering").runtimes}

    assert rule.spares <= meant - rule.binds


def test_a_graph_that_breaks_a_rule_of_its_own_rendering_is_an_error_that_says_where() -> None:
    model = sound()
    constant("zero", np.array(3, np.int8))(model)

    with pytest.raises(EdgeTLError, match=r"'tensorrt' breaks its rule 'symmetric'.*q, dq, q2"):
        check_rules(model, "tensorrt")


def test_a_remark_names_three_nodes_and_counts_the_rest() -> None:
    rule = Rule("symmetric", "tensorrt", "it is refused", lambda _: None)

    assert str(Remark(rule, ("a", "b", "c", "d", "e"))) == "it is refused (a, b, c and 2 more)"


def told(rendering: str, *changes: tuple[str, str]) -> set[str]:
    """Names of the rules that a graph of a rendering is told of after these changes."""
    model = sound()
    for change in changes:
        BROKEN[change](model)
    return {rule.name for rule in RULES for remark in remarks(model, rendering) if remark.startswith(rule.sentence)}


def test_a_graph_is_told_what_versions_of_its_own_runtime_lack() -> None:
    model = sound()
    BROKEN["tensorrt", "layer-normalization"](model)

    (remark,) = remarks(model, "tensorrt")

    assert remark.startswith("TensorRT 8.5 (JetPack 5) has no LayerNormalization, which 8.6 and newer have")
    assert remark.endswith("(norm)")


NORM, FLOAT_RESULT = ("tensorrt", "layer-normalization"), ("onnxruntime", "quantized-results")
FULL_WEIGHTS = ("onnxruntime", "no-saturation")


@pytest.mark.parametrize(
    ("rendering", "changes", "names"),
    [
        pytest.param("fp16", (NORM,), {"layer-normalization"}, id="16 bits for TensorRT"),
        pytest.param("bf16", (NORM,), set(), id="for a version that has it"),
        pytest.param("x86-vnni", (NORM, FLOAT_RESULT), {"quantized-results", "unsigned-activations"}, id="another's"),
        pytest.param("x86-vnni", (FULL_WEIGHTS,), {"unsigned-activations"}, id="for CPUs that are exact"),
        pytest.param("arm", (FULL_WEIGHTS,), set(), id="for CPUs with kernels of int8"),
        pytest.param("float", (NORM, FLOAT_RESULT), set(), id="float"),
    ],
)
def test_a_graph_is_told_of_the_machines_it_is_for_alone(
    rendering: str, changes: tuple[tuple[str, str], ...], names: set[str]
) -> None:
    assert told(rendering, *changes) == names
