"""The limits a model must meet, and the statistics that judge them."""

from __future__ import annotations

import msgspec


class TargetGates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits that hold on one target only.

    NAME is what ``edgetl qualify --target`` takes; the names there are stand under Names, at the end of this page.
    Gates for a target of another name are kept for an EdgeTL that has it, and not judged by one that has not.
    """

    latency_p50_ms_max: float | None = None
    latency_p90_ms_max: float | None = None
    latency_p99_ms_max: float | None = None
    peak_memory_mb_max: float | None = None

    def __post_init__(self) -> None:
        _check_positive(self, self.__struct_fields__)


class Gates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits on every candidate.

    Accuracy is the task's headline metric: accuracy where an image has one label, macro F1 where it may have several.
    A drop of accuracy passes when its point estimate is at most ``accuracy_drop_max`` and its one-sided 95 % bound is
    at most ``accuracy_drop_max + margin``. Both are fractions (0.005 is half a point). ``accuracy_min`` is judged by
    the point estimate on the selection data.
    """

    accuracy_drop_max: float = 0.005
    """What a quantized variant may lose against the float one, and a device against the host."""
    margin: float = 0.015
    """How much further its 95 % bound may reach."""
    changed_max: float | None = None
    """What of the decisions a quantized variant may change where there are no labels; ``accuracy_drop_max`` if left
    out, because each change may cost a right decision. Its bound may reach ``margin`` further."""
    output_error_max: float | None = None
    """Without labels, how far any output may be off, as a fraction of how much it varies over the images (0.1 is
    20 dB), up to its 95 % bound. Judged instead of decisions; for embeddings, several outputs and all else that is not
    one score per class. Of a few booleans or integers, most of which never differ, 0.1 takes hundreds of samples."""
    accuracy_min: float | None = None
    """What every variant must reach on the selection data."""
    size_mb_max: float | None = None
    """Largest model file, in 10^6 bytes; a variant with a larger one is not packed, the float one included."""
    target: dict[str, TargetGates] = {}
    """Limits that hold on one target only, by its name."""

    def __post_init__(self) -> None:
        for name in ("accuracy_drop_max", "margin", "changed_max", "accuracy_min"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} is a fraction from 0 to 1, got {value}")
        _check_positive(self, ("output_error_max", "size_mb_max"))


def _check_positive(gates: msgspec.Struct, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(gates, name)
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be above 0, got {value}")
