"""How often the products of a graph saturate on real samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgetl.errors import DataError
from edgetl.host.quantize.saturation.compute import Kernels
from edgetl.host.quantize.saturation.executor import run
from edgetl.host.quantize.saturation.layers import QuantizedLayer
from edgetl.host.quantize.saturation.products import Saturation
from edgetl.tensors import Feed


@dataclass(frozen=True)
class SaturatedShare:
    """What a CPU without VNNI would lose in one layer, given the inputs that an exact one sees."""

    layer: str
    sums: int
    """Sums of two products over all samples; 0 for a layer that is computed in 32 bits anyway."""
    saturated: int
    largest_error: float
    """Largest change of an output, in units of the layer's float output."""
    largest_error_steps: float | None
    """The same in steps of its quantized output; ``None`` where it stays in float."""

    @property
    def share(self) -> float:
        """Fraction of the sums that saturate; 0 without any."""
        return self.saturated / self.sums if self.sums else 0.0


def saturated_share(
    model: Path, samples: Iterable[Feed], kernels: Kernels = "onnxruntime"
) -> tuple[SaturatedShare, ...]:
    """Per layer of a Q/DQ graph, how many pair sums do not fit int16, in the order of the graph.

    Samples are streamed; memory is that of one sample's activations.

    Args:
        model: a Q/DQ graph.
        samples: what it takes for each.
        kernels: of which runtime, for CPUs without VNNI.

    Raises:
        DataError: no samples.
        Unsupported: not an ONNX graph, one that cannot be taken apart, or a sample does not fit it.
        MissingExtra: onnxruntime is not installed.
    """
    found: dict[str, SaturatedShare] = {}

    def watch(layer: QuantizedLayer, saturation: Saturation) -> None:
        one = _share(layer, saturation)
        found[layer.output] = _joined(found[layer.output], one) if layer.output in found else one

    for _ in run(model, samples, "vnni", kernels, watch):
        pass
    if not found:
        raise DataError("there are no samples to see saturation on; give at least one")
    return tuple(found.values())


def _share(layer: QuantizedLayer, saturation: Saturation) -> SaturatedShare:
    steps = abs(saturation.correction).max(axis=1, initial=0) * (layer.source_scale * layer.weight_scale)
    error = float(steps.max(initial=0))
    in_steps = None if layer.to is None else error / float(layer.to.scale)
    return SaturatedShare(layer.name, saturation.sums, saturation.saturated, error, in_steps)


def _joined(one: SaturatedShare, other: SaturatedShare) -> SaturatedShare:
    steps = [two.largest_error_steps for two in (one, other) if two.largest_error_steps is not None]
    return SaturatedShare(
        one.layer,
        one.sums + other.sums,
        one.saturated + other.saturated,
        max(one.largest_error, other.largest_error),
        max(steps, default=None),
    )
