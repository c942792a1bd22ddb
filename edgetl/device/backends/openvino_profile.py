"""Reads OpenVINO's counters: one entry for every node of the compiled graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgetl.layers import Layer

_MOVES_DATA = (
    "Broadcast Concat Convert FakeQuantize Gather MemoryInput MemoryOutput Pad Parameter Reorder Reshape Result "
    "ShapeOf Split Squeeze StridedSlice Tile Transpose Unsqueeze VariadicSplit"
)
_GENERATED = "Subgraph"
"""Element-wise layers fused into one generated kernel: computes in float, but is called after the type it reads."""
_PRECISIONS = {"I8": "int8", "i8": "int8", "u8": "int8", "f32": "fp32", "f16": "fp16", "bf16": "bf16", "f64": "fp64"}
_FUSED_BIAS = "/WithoutBiases"
"""What OpenVINO appends to the name of a layer whose bias it took out of the ONNX node."""
_NAMELESS = frozenset({"undef", "dynamic", "any"})


@dataclass(frozen=True)
class Counter:
    """One node after some inferences."""

    name: str
    kind: str
    kernel: str
    """Implementation and precision, such as ``brgconv_avx512_amx_I8``."""
    ran: bool
    """``False`` for nodes that were fused into others or that have nothing to do."""
    mean_us: int
    """Over all inferences since the model was compiled, rounded down."""


def layers_from_counters(first: Iterable[Counter], last: Iterable[Counter], runs: int) -> tuple[Layer, ...]:
    """The nodes that ran, with the mean of their time without the first inference, which prepares kernels.

    OpenVINO tells means over all inferences so far: ``mean = (n * mean_n - mean_1) / (n - 1)`` with ``n = runs + 1``,
    which its rounding to microseconds makes wrong by up to about 1 us.

    Args:
        first: the counters after one inference.
        last: the counters after ``runs`` more.
        runs: at least 1.
    """
    prepared = {counter.name: counter.mean_us for counter in first if counter.ran}
    layers = []
    for counter in last:
        if counter.ran:
            total_us = (runs + 1) * counter.mean_us - prepared.get(counter.name, counter.mean_us)
            name, time_ns = counter.name.removesuffix(_FUSED_BIAS), max(0, total_us * 1_000 // runs)
            layers.append(Layer(name, counter.kind, _precision(counter), time_ns))
    return tuple(layers)


def _precision(counter: Counter) -> str | None:
    if counter.kind in _MOVES_DATA.split():
        return None
    word = counter.kernel.rpartition("_")[2]
    precision = _PRECISIONS.get(word, word)
    if word in _NAMELESS or not word or (counter.kind == _GENERATED and precision == "int8"):
        return None
    return precision
