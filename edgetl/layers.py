"""What a runtime really executed, layer by layer, and how close that comes to what the machine can do."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One executed kernel; fused layers are one."""

    name: str
    kind: str
    """The runtime's own word: an ONNX operation, a kernel type."""
    precision: str | None
    """``int8``, ``bf16``, ``fp16``, ``fp32`` or another dtype it computed in; ``None`` where that means nothing (moving
    data) or is unknown."""
    time_ns: int | None
    """Median of its own time in one inference; the mean where the runtime adds inferences up itself."""


class Layers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run with profiling, apart from every timing."""

    source: str
    """What told: ONNX Runtime's profile, OpenVINO's counters."""
    runs: int
    layers: tuple[Layer, ...]
    reason: str | None = None
    """Why there are none."""

    @property
    def time_share(self) -> dict[str, float]:
        """Fraction of the time of all layers by precision; ``other`` is what has none. Empty when no time is known."""
        total = sum(layer.time_ns or 0 for layer in self.layers)
        shares: dict[str, float] = {}
        for layer in self.layers:
            if total and layer.time_ns:
                key = layer.precision or "other"
                shares[key] = shares.get(key, 0.0) + layer.time_ns / total
        return shares


class Peak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this machine reaches at best, measured with short runs."""

    precision: str
    threads: int
    operations_per_s: float
    bytes_per_s: float
    """Of copying memory that no cache holds."""
    runtime: str | None = None
    """Which runtime reached ``operations_per_s``."""


@dataclass(frozen=True)
class Work:
    """What one inference computes and moves at least."""

    operations: int | None
    """A multiplication and an addition are two."""
    bytes: int | None
    """Weights, inputs and outputs, read or written once."""
    reason: str | None = None
    """Why either is ``None``."""


class Roofline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast a model could be here at best (Williams, Waterman and Patterson 2009, Roofline, CACM 52)."""

    operations: int | None
    """Of one inference; a multiplication and an addition are two."""
    bytes: int | None
    """Weights, inputs and outputs, read or written once."""
    peak: Peak | None
    limit_ns: int | None
    """The longer of computing at the peak and moving every byte once."""
    fraction: float | None
    """Of the limit that the median reaches: ``limit / median``."""
    reason: str | None = None
    """Why anything is ``None``."""
