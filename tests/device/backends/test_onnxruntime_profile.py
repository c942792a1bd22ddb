from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.backends.onnxruntime_profile import layers_from_trace
from edgetl.errors import BackendError
from edgetl.layers import Layer

Event = dict[str, object]


def kernel(name: str, operation: str, start: int, duration: int, types: tuple[str, ...] = ("float",)) -> Event:
    arguments = {
        "op_name": operation,
        "node_index": "1",
        "provider": "CPUExecutionProvider",
        "input_type_shape": [{dtype: [1, 4]} for dtype in types],
        "output_type_shape": [{"float": [1, 4]}],
        "thread_scheduling_stats": "",
    }
    name = f"{name}_kernel_time"
    return {"cat": "Node", "pid": 7, "tid": 7, "dur": duration, "ts": start, "ph": "X", "name": name, "args": arguments}


def inference(start: int, duration: int) -> Event:
    return {"cat": "Session", "pid": 7, "tid": 7, "dur": duration, "ts": start, "ph": "X", "name": "model_run"}


def trace(*events: Event) -> bytes:
    return json.dumps(
        [{"cat": "Session", "pid": 7, "tid": 7, "dur": 90, "ts": 1, "name": "session_initialization"}, *events]
    ).encode()


def test_time_is_the_median_without_the_first_inference() -> None:
    starts = {100: 900, 2000: 10, 3000: 14, 4000: 11}
    events = [inference(start, 950) for start in starts]
    events += [kernel("conv1", "Conv", start + 5, duration) for start, duration in starts.items()]
    assert layers_from_trace(trace(*events)) == (Layer("conv1", "Conv", "fp32", 11_000),)


def test_layers_are_in_the_order_they_ran_in() -> None:
    events = [
        kernel("last", "Gemm", 130, 4),
        kernel("first", "Conv", 110, 5),
        inference(100, 50),
        inference(200, 50),
        kernel("first", "Conv", 210, 3),
        kernel("last", "Gemm", 230, 2),
    ]
    assert [(layer.name, layer.time_ns) for layer in layers_from_trace(trace(*events))] == [
        ("first", 3_000),
        ("last", 2_000),
    ]


def test_what_runs_inside_a_loop_is_not_counted_twice() -> None:
    events = [inference(0, 100), inference(1000, 100)]
    for start in (0, 1000):
        events += [
            kernel("loop", "Loop", start + 10, 60),
            kernel("body", "MatMul", start + 15, 20),
            kernel("body", "MatMul", start + 40, 20),
            kernel("after", "Relu", start + 70, 5),
        ]
    found = {layer.name: layer.time_ns for layer in layers_from_trace(trace(*events))}
    assert found == {"loop": 20_000, "body": 40_000, "after": 5_000}


def test_a_single_inference_has_layers_without_times() -> None:
    (layer,) = layers_from_trace(trace(inference(0, 50), kernel("conv1", "Conv", 10, 20)))
    assert (layer.precision, layer.time_ns) == ("fp32", None)


def test_a_layer_that_a_branch_left_out_took_no_time() -> None:
    events = [inference(0, 50), kernel("then", "Conv", 10, 20), inference(100, 50)]
    assert layers_from_trace(trace(*events))[0].time_ns == 0


@pytest.mark.parametrize(
    ("operation", "types", "precision"),
    [
        ("Conv", ("float", "float"), "fp32"),
        ("Conv", ("float16", "float16"), "fp16"),
        ("MatMul", ("bfloat16", "bfloat16"), "bf16"),
        ("QLinearConv", ("uint8", "float", "uint8", "float", "int8"), "int8"),
        ("MatMulIntegerToFloat", ("uint8", "int8"), "int8"),
        ("DynamicQuantizeMatMul", ("float", "int8"), "int8"),
        ("QGemm", ("uint8", "float"), "int8"),
        ("MaxPool", ("uint8",), "int8"),
        ("MatMulNBits", ("float", "uint8"), "fp32"),
        ("Add", ("int64", "int64"), "int64"),
        ("QuantizeLinear", ("float", "float", "uint8"), None),
        ("DynamicQuantizeLinear", ("float",), None),
        ("DequantizeLinear", ("uint8", "float"), None),
        ("Transpose", ("float",), None),
        ("ReorderOutput", ("float",), None),
        ("RandomNormal", (), "fp32"),
    ],
)
def test_precision_is_what_the_kernel_computed_in(
    operation: str, types: tuple[str, ...], precision: str | None
) -> None:
    (layer,) = layers_from_trace(trace(inference(0, 50), kernel("node", operation, 10, 20, types)))
    assert layer.precision == precision


def test_a_trace_without_kernels_has_no_layers() -> None:
    assert layers_from_trace(trace(inference(0, 50))) == ()


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'[{"ts": "soon"}]', b"\xff\xfe", trace(inference(0, 5))[:-4]])
def test_what_is_not_a_trace_is_refused(text: bytes) -> None:
    with pytest.raises(BackendError, match="profile is not a trace that is known here"):
        layers_from_trace(text)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "cat": st.sampled_from(["Node", "Session", "Api"]) | st.integers(),
                "name": st.sampled_from(["model_run", "a_kernel_time", "b_kernel_time", "_kernel_time", ""]),
                "ts": st.integers(-5, 200) | st.none(),
                "dur": st.integers(-5, 200),
                "args": st.just({}) | st.fixed_dictionaries({"op_name": st.sampled_from(["Conv", 3])}) | st.just([]),
            },
        ),
        max_size=12,
    )
)
def test_any_events_give_layers_or_are_refused(events: list[Event]) -> None:
    try:
        layers = layers_from_trace(json.dumps(events).encode())
    except BackendError:
        return
    assert all(layer.time_ns is None or layer.time_ns >= 0 for layer in layers)
