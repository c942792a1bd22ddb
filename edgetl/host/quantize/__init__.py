"""One calibration record, many renderings: float ONNX graphs to Q/DQ graphs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edgetl.host.quantize.record import CalibrationRecord


class Rendering(Protocol):
    """How a graph is quantized for one kind of target."""

    name: str

    def render(self, model: Path, record: CalibrationRecord, out: Path, keep_float: frozenset[str]) -> None:
        """Write a Q/DQ graph with the same inputs and outputs; equal arguments give equal bytes.

        Args:
            model: a float ONNX graph.
            record: what calibration saw of this graph (its head may have been refitted since).
            keep_float: names of nodes that stay in float (the head).

        Raises:
            Unsupported: the record is of another graph, or a node to keep does not exist.
        """
