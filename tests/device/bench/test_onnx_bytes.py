from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from onnx.checker import check_model

from edgetl.device.bench.gemm import INPUT, OPERATIONS, gemm_input, gemm_onnx
from edgetl.device.bench.onnx_bytes import Graph, Node, onnx_bytes
from edgetl.host.operations import count
from edgetl.tensors import TensorSpec

DTYPES = ["uint8", "int8", "int32", "int64", "float16", "float32", "float64", "bool"]
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(NAMES, min_size=3, max_size=3, unique=True),
    dtype=st.sampled_from(DTYPES),
    shape=st.lists(st.integers(1, 5), max_size=3),
    free=st.booleans(),
    size=st.integers(1, 2**40),
)
def test_onnx_reads_what_was_written(names: list[str], dtype: str, shape: list[int], free: bool, size: int) -> None:
    given_name, constant, output = names
    array = (np.random.default_rng(0).normal(size=shape) * 50).astype(dtype)
    sizes = (None if free else size, 3)
    graph = Graph(
        (Node("Add", (given_name, constant), output),),
        (TensorSpec(given_name, dtype, sizes),),  # type: ignore[arg-type]
        (TensorSpec(output, dtype, sizes),),  # type: ignore[arg-type]
        {constant: array},
    )
    model = onnx.load_from_string(onnx_bytes(graph))
    assert (model.ir_version, [(o.domain, o.version) for o in model.opset_import]) == (8, [("", 17)])
    (node,) = model.graph.node
    assert (node.op_type, list(node.input), list(node.output)) == ("Add", [given_name, constant], [output])
    (tensor,) = model.graph.initializer
    assert tensor.name == constant
    np.testing.assert_array_equal(numpy_helper.to_array(tensor), array)
    assert numpy_helper.to_array(tensor).dtype == array.dtype
    for value, name in ((model.graph.input[0], given_name), (model.graph.output[0], output)):
        kind = value.type.tensor_type
        assert (value.name, onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)) == (name, np.dtype(dtype))
        assert [d.dim_param or d.dim_value for d in kind.shape.dim] == ["N" if free else size, 3]


@pytest.mark.parametrize("quantized", [False, True])
def test_matrix_products_are_a_valid_model_of_the_stated_work(quantized: bool) -> None:
    model = onnx.load_from_string(gemm_onnx(quantized))
    check_model(model, full_check=True)
    assert count(model) == OPERATIONS
    (value,) = model.graph.input
    array = gemm_input(quantized)
    assert value.name == INPUT
    assert tuple(d.dim_value for d in value.type.tensor_type.shape.dim) == array.shape
    assert onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type) == array.dtype
