"""Reads ONNX Runtime's profile: a Chrome trace with one event for every kernel that ran."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence

import msgspec

from edgetl.errors import BackendError
from edgetl.layers import Layer

_KERNEL = "_kernel_time"
_INFERENCE = "model_run"
_INT8 = re.compile(r"QLinear.+|Q(?:Gemm|Attention|EmbedLayerNormalization)|(?:MatMul|Conv)Integer.*|DynamicQuantize.+")
"""Operations that compute in int8 whatever their first input is; ``DynamicQuantizeLinear`` only converts."""
_MOVES_DATA = (
    "Cast CastLike Concat DequantizeLinear DynamicQuantizeLinear Expand Flatten Gather Identity MemcpyFromHost "
    "MemcpyToHost Pad QuantizeLinear ReorderInput ReorderOutput Reshape Shape Slice Split Squeeze Tile Transpose "
    "Unsqueeze"
)
_PRECISIONS = {
    "float": "fp32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "double": "fp64",
    "uint8": "int8",
    "int8": "int8",
}


class _Arguments(msgspec.Struct):
    op_name: str = ""
    node_index: str = ""
    input_type_shape: list[dict[str, list[int]]] = []
    output_type_shape: list[dict[str, list[int]]] = []


class _Event(msgspec.Struct):
    name: str = ""
    cat: str = ""
    ts: int = 0
    """Microseconds."""
    dur: int = 0
    """Microseconds."""
    args: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def end(self) -> int:
        return self.ts + self.dur


_Key = tuple[str, str, str]


def layers_from_trace(trace: bytes) -> tuple[Layer, ...]:
    """The kernels of a trace in the order they first ran in, without the first inference, which prepares kernels.

    A kernel's time is its own: what runs inside it (the body of a loop) is not counted twice.

    Args:
        trace: JSON of sequential inferences in one thread.

    Raises:
        BackendError: not such a trace.
    """
    try:
        events = msgspec.json.decode(trace, type=list[_Event])
        inferences = sorted((e for e in events if (e.cat, e.name) == ("Session", _INFERENCE)), key=lambda e: e.ts)
        kernels = [e for e in events if e.cat == "Node" and e.name.endswith(_KERNEL)]
        told = {id(e): msgspec.json.decode(e.args, type=_Arguments) for e in kernels}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackendError(f"onnxruntime's profile is not a trace that is known here: {error}") from error
    found: dict[_Key, _Arguments] = {}
    for event in sorted(kernels, key=lambda e: e.ts):
        arguments = told[id(event)]
        found.setdefault((event.name.removesuffix(_KERNEL), arguments.op_name, arguments.node_index), arguments)
    own = _own_times(kernels)
    totals = [_totals(inference, kernels, told, own) for inference in inferences[1:]]
    return tuple(_layer(key, arguments, totals) for key, arguments in found.items())


def _own_times(kernels: Sequence[_Event]) -> dict[int, int]:
    """Microseconds of every event without those of events inside it."""
    own: dict[int, int] = {}
    around: list[_Event] = []
    for event in sorted(kernels, key=lambda e: (e.ts, -e.dur)):
        own[id(event)] = event.dur
        while around and around[-1].end < event.end:
            around.pop()
        if around:
            own[id(around[-1])] = max(0, own[id(around[-1])] - event.dur)
        around.append(event)
    return own


def _totals(
    inference: _Event, kernels: Sequence[_Event], told: dict[int, _Arguments], own: dict[int, int]
) -> dict[_Key, int]:
    totals: dict[_Key, int] = {}
    for event in kernels:
        if inference.ts <= event.ts <= inference.end:
            arguments = told[id(event)]
            key = (event.name.removesuffix(_KERNEL), arguments.op_name, arguments.node_index)
            totals[key] = totals.get(key, 0) + own[id(event)]
    return totals


def _layer(key: _Key, arguments: _Arguments, totals: list[dict[_Key, int]]) -> Layer:
    name, kind, _ = key
    time_ns = round(statistics.median(run.get(key, 0) for run in totals) * 1_000) if totals else None
    return Layer(name, kind, _precision(arguments), time_ns)


def _precision(arguments: _Arguments) -> str | None:
    if arguments.op_name in _MOVES_DATA.split():
        return None
    if _INT8.fullmatch(arguments.op_name):
        return "int8"
    # the first input is the activation; constants of a layer come after it
    for types in (*arguments.input_type_shape, *arguments.output_type_shape):
        for dtype in types:
            return _PRECISIONS.get(dtype, dtype)
    return None
