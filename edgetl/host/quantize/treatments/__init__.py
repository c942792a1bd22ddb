"""Ways to lose less by quantization: entries of the table of treatments, each of which can be left out.

A treatment is of one of two kinds. A :class:`GraphTreatment` makes an equal float graph that quantizes better, before
calibration (:func:`treat`). A :class:`RenderingTreatment` mends a Q/DQ graph while it is rendered, and is named in
:class:`edgetl.host.quantize.RenderSettings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import onnx

from edgetl.errors import RecipeError, Unsupported
from edgetl.host.graph import read_graph, write_graph
from edgetl.host.quantize.rules.view import PAIRS
from edgetl.plugins import TREATMENTS, find
from edgetl.spelling import did_you_mean
from edgetl.tensors import Feed

if TYPE_CHECKING:
    from edgetl.host.quantize.record import CalibrationRecord
    from edgetl.host.quantize.treatments.moments import Moments


@runtime_checkable
class GraphTreatment(Protocol):
    """Rewrites a float graph into one that computes the same and quantizes better."""

    @property
    def name(self) -> str:
        """The entry's key in the table of treatments."""

    @property
    def done(self) -> str:
        """In plain words what a graph has that it was applied to."""

    def is_due(self, graph: onnx.ModelProto) -> bool:
        """Whether it is applied to a float graph from the start, before anything is known of what int8 loses."""

    def rewrite(self, graph: onnx.ModelProto, samples: Iterable[Feed], threads: int) -> tuple[str, ...]:
        """Change a float graph in place; its nodes keep their names, its inputs and outputs theirs.

        Args:
            samples: of the calibration; iterated over at most once.
            threads: of the runtime that runs the graph on them, where it does.

        Returns:
            Names of the layers whose weights changed, in the order of the graph.
        """


@dataclass(frozen=True)
class Rendered:
    """A Q/DQ graph in the making, with everything that is known of it."""

    quantized: onnx.ModelProto
    """What a treatment changes, in place."""
    original: onnx.ModelProto
    """The float graph; its nodes have the names of the quantized ones."""
    record: CalibrationRecord
    moments: Moments | None
    """Of the inputs of layers, where they were collected."""
    treatments: tuple[str, ...]
    """All that are asked for, in order."""


@runtime_checkable
class RenderingTreatment(Protocol):
    """Changes the integers of a Q/DQ graph, but neither its nodes nor its scales."""

    @property
    def name(self) -> str:
        """The entry's key in the table of treatments."""

    @property
    def done(self) -> str:
        """In plain words what a graph has that it was applied to."""

    @property
    def needs_moments(self) -> bool:
        """Whether :class:`~edgetl.host.quantize.treatments.moments.Moments` must be in the settings."""

    def refine(self, rendered: Rendered) -> tuple[str, ...]:
        """Change ``rendered.quantized`` in place.

        Returns:
            Names of the layers whose weights or biases changed, in the order of the graph.

        Raises:
            Unsupported: something that it needs was not collected.
        """


def treat(
    model: Path, names: Iterable[str], samples: Iterable[Feed], out: Path, threads: int = 1
) -> dict[str, tuple[str, ...]]:
    """Write an equal float graph that quantizes better; calibrate and render that one instead.

    Args:
        model: a float ONNX graph.
        names: treatments of the graph, applied in the order of their table.
        samples: those of the calibration; iterated over once per treatment that needs them.
        out: the file to write; equal arguments give equal bytes.

    Returns:
        What each treatment changed: the names of layers, none where there was nothing to do.

    Raises:
        Unsupported: a name is not one of a treatment of graphs, or the graph is quantized.
    """
    wanted = ordered(names)
    if misplaced := set(wanted) - set(of_graphs(wanted)):
        raise Unsupported(
            f"treatment {min(misplaced)!r} works on Q/DQ graphs, not on float ones; name it in RenderSettings"
        )
    graph = read_graph(model)
    if any(node.op_type in PAIRS for node in graph.graph.node):
        raise Unsupported(f"{str(model)!r} is quantized already; treat the float graph it was made from")
    entries: list[GraphTreatment] = [find(TREATMENTS, name, "treatment") for name in wanted]
    changed = {entry.name: entry.rewrite(graph, samples, threads) for entry in entries}
    write_graph(graph, out)
    return changed


def refine(rendered: Rendered) -> dict[str, tuple[str, ...]]:
    """Apply the treatments of a rendering, in the order of their table, to its graph in the making.

    Raises:
        Unsupported: a name is not one of a treatment of renderings.
    """
    wanted = ordered(rendered.treatments)
    if misplaced := set(wanted) - set(of_renderings(wanted)):
        raise Unsupported(
            f"treatment {min(misplaced)!r} works on float graphs; apply it before calibration and leave it out here"
        )
    entries: list[RenderingTreatment] = [find(TREATMENTS, name, "treatment") for name in wanted]
    return {entry.name: entry.refine(rendered) for entry in entries}


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Names without repetition in the order of the table, in which each finds what it builds on.

    Raises:
        Unsupported: the table has no such treatment.
    """
    wanted = set(names)
    for name in sorted(wanted - TREATMENTS.keys()):
        find(TREATMENTS, name, "treatment")
    return tuple(name for name in TREATMENTS if name in wanted)


def allowed(names: tuple[str, ...] | None) -> tuple[str, ...]:
    """Treatments that a recipe lets the search use, in the order of the table; all where it says nothing.

    Raises:
        RecipeError: the table has no such treatment.
    """
    for name in names or ():
        if name not in TREATMENTS:
            raise RecipeError(
                f"treatments of [quantize]: unknown treatment {name!r}; expected some of: "
                f"{', '.join(TREATMENTS)}{did_you_mean(name, TREATMENTS)}"
            )
    return ordered(TREATMENTS if names is None else names)


def due(model: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Those of these treatments that are applied to a float graph from the start, in the order of their table."""
    graph = read_graph(model)
    entries: list[GraphTreatment] = [find(TREATMENTS, name, "treatment") for name in of_graphs(names)]
    return tuple(entry.name for entry in entries if entry.is_due(graph))


def of_graphs(names: Iterable[str]) -> tuple[str, ...]:
    """Those that belong before calibration; the others belong in ``RenderSettings``."""
    return tuple(name for name in ordered(names) if isinstance(find(TREATMENTS, name, "treatment"), GraphTreatment))


def of_renderings(names: Iterable[str]) -> tuple[str, ...]:
    """Those that belong in ``RenderSettings``."""
    return tuple(name for name in ordered(names) if isinstance(find(TREATMENTS, name, "treatment"), RenderingTreatment))


def need_moments(names: Iterable[str]) -> bool:
    """Whether one of these treatments needs moments of the inputs of layers."""
    return any(find(TREATMENTS, name, "treatment").needs_moments for name in of_renderings(names))


def done(names: Iterable[str]) -> tuple[str, ...]:
    """In plain words what a graph has that these were applied to."""
    return tuple(find(TREATMENTS, name, "treatment").done for name in ordered(names))
