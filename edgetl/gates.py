"""The limits a model must meet, and the statistics that judge them."""

from __future__ import annotations

import msgspec


class TargetGates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits that hold on one target only."""

    latency_p50_ms_max: float | None = None
    latency_p90_ms_max: float | None = None
    latency_p99_ms_max: float | None = None
    peak_memory_mb_max: float | None = None


class Gates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits on every candidate.

    A drop of accuracy passes when its point estimate is at most ``accuracy_drop_max`` and its one-sided 95 % bound is
    at most ``accuracy_drop_max + margin``. Both are fractions (0.005 is half a point).
    """

    accuracy_drop_max: float = 0.005
    margin: float = 0.015
    accuracy_min: float | None = None
    size_mb_max: float | None = None
    target: dict[str, TargetGates] = {}

    def __post_init__(self) -> None:
        for name in ("accuracy_drop_max", "margin"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a fraction from 0 to 1, got {getattr(self, name)}")
