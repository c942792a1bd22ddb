"""Whether a model ran in the precision that was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgetl.layers import Layer, Layers
from edgetl.validity import Finding

_KINDS = (
    "Attention Conv ConvInteger ConvTranspose Convolution ConvolutionBackpropData Deconvolution DynamicQuantizeLSTM "
    "DynamicQuantizeMatMul Einsum FullyConnected FullyConnectedCompressed FullyConnectedQuantized "
    "FullyConnectedQuantizedLegacy FusedConv FusedGemm FusedMatMul GRU GRUSequence Gemm GroupConvolution "
    "GroupConvolutionBackpropData LSTM LSTMSequence MatMul MatMulInteger MatMulIntegerToFloat MatMulNBits "
    "MultiHeadAttention NhwcFusedConv QAttention QGemm QLinearConv QLinearConvTranspose QLinearMatMul "
    "ScaledDotProductAttention"
)
COMPUTING = frozenset(_KINDS.split())
"""Kinds that multiply matrices, in the words of all runtimes: where lower precision saves time."""
LEAST_SHARE: Mapping[str, float] = {"int8": 0.5, "bf16": 0.8, "fp16": 0.8, "fp32": 0.8}
"""Share of computing that must run in the precision asked for. A quantized graph keeps some layers in float by design,
the head say, and these take longer than the rest; a hint for floats is for all layers."""
_QUANTIZING = frozenset({"QuantizeLinear", "DequantizeLinear", "FakeQuantize"})
AS_GIVEN = "as given"
"""Rendering of a plain file, which nobody has told."""
_NAMED = 3
_ADVICE = {
    "int8": "the runtime has no int8 kernel for these layers or did not fuse their Q/DQ pairs; "
    "try another runtime or another rendering",
    "fp32": "ask for the precision that really runs, so that the number says what it is",
}
_NO_KERNELS = "this CPU or this runtime has no such kernels for these layers; ask for fp32, or quantize the graph"


def precision_findings(layers: Layers, requested: str, rendering: str) -> tuple[Finding, ...]:
    """``W-PRECISION`` when too little of the computing ran in the requested precision.

    Computing is what multiplies matrices (:data:`COMPUTING`); it is weighed by time or, where no times are known,
    counted by layers. How much is too little is :data:`LEAST_SHARE`.

    Args:
        layers: of a run with profiling; without layers there is nothing to find.
        requested: ``int8``, ``bf16``, ``fp16`` or ``fp32``.
        rendering: how the graph is quantized. Of a plain file (``as given``) nobody knows: int8 is expected of it when
            layers that quantize ran, and welcome in any case.
    """
    wanted = requested
    if rendering == AS_GIVEN and any(layer.kind in _QUANTIZING for layer in layers.layers):
        wanted = "int8"
    allowed = {wanted, "int8"} if rendering == AS_GIVEN else {wanted}
    computing = _computing(layers)
    limit = LEAST_SHARE.get(wanted)
    if limit is None or not computing.shares or computing.share(allowed) >= limit:
        return ()
    largest = [layer for layer in computing.layers if layer.precision not in allowed][:_NAMED]
    rest = ", ".join(f"{share:.0%} in {name}" for name, share in computing.shares.items() if name not in allowed)
    share = computing.share(allowed)
    message = (
        f"{share:.0%} of the {computing.unit} ran in {wanted}, where at least {limit:.0%} is expected ({rest}; "
        f"the largest: {_names(largest)}); {_advice(wanted, rendering)}"
    )
    evidence: dict[str, float | str] = {"requested": wanted, "share": share, "limit": limit}
    ran = {f"share_{name}": value for name, value in computing.shares.items()}
    return (Finding("W-PRECISION", message, {**evidence, **ran, "largest": largest[0].name}),)


def precision_of(layers: Layers, requested: str, rendering: str) -> str:
    """The precision that a candidate computes in: of a plain file int8, where that is most of its computing.

    Arguments are those of :func:`precision_findings`.
    """
    if rendering == AS_GIVEN and _computing(layers).share({"int8"}) >= LEAST_SHARE["int8"]:
        return "int8"
    return requested


@dataclass(frozen=True)
class _Computing:
    """Layers that compute, the largest first, and how much of them ran in which precision."""

    layers: tuple[Layer, ...]
    shares: Mapping[str, float]
    unit: str

    def share(self, precisions: set[str]) -> float:
        return sum(self.shares.get(precision, 0.0) for precision in precisions)


def _computing(layers: Layers) -> _Computing:
    found = [layer for layer in layers.layers if layer.kind in COMPUTING and layer.precision is not None]
    timed = any(layer.time_ns for layer in found)
    weights = [(layer.time_ns or 0) if timed else 1 for layer in found]
    shares: dict[str, float] = {}
    for layer, weight in zip(found, weights, strict=True):
        shares[str(layer.precision)] = shares.get(str(layer.precision), 0.0) + weight / sum(weights)
    found.sort(key=lambda layer: -(layer.time_ns or 0))
    ordered = dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))
    what = "convolutions and matrix products"
    return _Computing(tuple(found), ordered, f"time in {what}" if timed else what)


def _names(layers: Sequence[Layer]) -> str:
    return ", ".join(
        f"{layer.name}, {layer.precision}" + (f", {layer.time_ns / 1e6:.3g} ms" if layer.time_ns else "")
        for layer in layers
    )


def _advice(wanted: str, rendering: str) -> str:
    if wanted == "int8" and rendering == "float":
        return "the graph is not quantized; quantize it first"
    return _ADVICE.get(wanted, _NO_KERNELS)
