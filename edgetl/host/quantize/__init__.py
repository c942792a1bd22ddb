"""One calibration record, many renderings: float ONNX graphs to Q/DQ graphs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edgetl.host.quantize.record import CalibrationRecord


@dataclass(frozen=True)
class Rendered:
    """What a rendering did to a graph."""

    quantized: int
    """Convolutions and matrix products with int8 weights."""
    kept_float: tuple[str, ...]
    """Names of those that stayed in float."""
    pairs: int
    """Activation tensors with a Q/DQ pair."""
    corrected: int
    """Biases that compensate the mean error of their rounded weights."""


class Rendering(Protocol):
    """How a graph is quantized for one kind of target."""

    name: str

    def render(self, model: Path, record: CalibrationRecord, out: Path, keep_float: frozenset[str]) -> Rendered:
        """Write a Q/DQ graph with the same inputs and outputs; equal arguments give equal bytes.

        Args:
            model: a float ONNX graph.
            record: what calibration saw of this graph (its head may have been refitted since).
            keep_float: names of nodes that stay in float (the head).

        Raises:
            Unsupported: the record is of another graph, or a node to keep does not exist.
        """
