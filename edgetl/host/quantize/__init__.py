"""One calibration record, many renderings: float ONNX graphs to graphs for one kind of target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgetl.target import Precision, RuntimeName

if TYPE_CHECKING:
    from edgetl.host.quantize.record import CalibrationRecord, Estimator
    from edgetl.host.quantize.treatments.moments import Moments


@dataclass(frozen=True)
class RenderSettings:
    """What one rendering of a graph differs in from another with the same record."""

    keep_float: frozenset[str] = frozenset()
    """Names of nodes that stay in float: the head, and any others."""
    estimator: Estimator | None = None
    """How ranges follow from what was seen; the record's own when ``None``."""
    treatments: tuple[str, ...] = ("bias-correction",)
    """Which of the table of treatments mend the Q/DQ graph, whatever their order here; renderings without integers
    have nothing to mend."""
    moments: Moments | None = None
    """Of the inputs of layers, for the treatments that need them."""


class Rendering(Protocol):
    """How a graph is written for one kind of target."""

    @property
    def name(self) -> str:
        """The entry's key in the table of renderings."""

    @property
    def precision(self) -> Precision:
        """What most of the graph computes in."""

    @property
    def runtimes(self) -> frozenset[RuntimeName]:
        """What its graphs are for; of the rules of others they are not told."""

    @property
    def opened_by(self) -> RuntimeName:
        """What has to load its graphs on the host, to see that they are whole."""

    def render(self, model: Path, record: CalibrationRecord, out: Path, settings: RenderSettings) -> None:
        """Write a graph with the same inputs and outputs; equal arguments give equal bytes.

        Args:
            model: a float ONNX graph.
            record: what calibration saw of this graph (its head may have been refitted since).
            out: the file to write.
            settings: which nodes stay in float, and how ranges are estimated.

        Raises:
            Unsupported: the record is of another graph, a node to keep does not exist, or nothing of the graph can be
                written this way.
        """
