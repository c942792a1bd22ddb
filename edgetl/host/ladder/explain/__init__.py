"""Why a graph was quantized as it was: every layer's range, error, sensitivity and executed precision."""

from __future__ import annotations

from dataclasses import dataclass, replace

import onnx

from edgetl.errors import Unsupported
from edgetl.explanation import SCHEMA, Explanation, LayerExplanation, Profiled
from edgetl.host.graph import read_graph
from edgetl.host.ladder import Ascent, Climbed
from edgetl.host.ladder.ascent import Purse
from edgetl.host.ladder.attempts import made
from edgetl.host.ladder.explain.executed import Subject, executed, profiles
from edgetl.host.ladder.explain.places import Place, places
from edgetl.host.ladder.explain.signals import Signal, signals
from edgetl.host.ladder.rungs import Rung
from edgetl.host.ladder.sensitivity import IMAGES, noisy_groups
from edgetl.host.operations import by_node
from edgetl.host.quantize.qdq import QdqRendering
from edgetl.host.quantize.rules.view import LAYERS
from edgetl.ladder import Attempt
from edgetl.layers import Layers
from edgetl.plugins import RENDERINGS, find
from edgetl.runner import own_precision

_HEAD = "heads stay in float, because their weights differ by orders of magnitude and they take hardly any time"
_KEPT = "left in float by the search"
_TARGET = "in int8 no faster on the targets of this rendering, or not exact"
_UNPAIRED = "nothing that is quantized to read"
_ROUNDED = "computed in float, with a result that is rounded"


def check_explainable(rendering: str) -> None:
    """Say before any work that there is nothing to explain.

    Raises:
        Unsupported: the rendering has no integers.
    """
    precision = own_precision(rendering)
    if precision != "int8":
        raise Unsupported(
            f"rendering {rendering!r} is in {precision} and has no ranges to explain; "
            "leave out --explain, or choose an int8 rendering"
        )


def explain(ascent: Ascent, climbed: Climbed) -> Explanation:
    """Run the float graph and the chosen one on the same calibration samples, and tell them apart layer by layer.

    Where treatments rewrote the float graph, it is the one after them.

    Sensitivity is that of the float graph's layers with the chosen ranges, whichever of them stay in float.

    Args:
        ascent: with the float graph that the chosen one was made of.
        climbed: what it ended with.

    Raises:
        Unsupported: the rendering has no integers.
    """
    check_explainable(ascent.rendering)
    workspace, rung = ascent.workspace, _whole_rung(climbed.rung)
    original, quantized = read_graph(ascent.basis(rung.on_graph).made.model), read_graph(climbed.made.model)
    samples = ascent.calibrated.samples[:IMAGES]
    feeds = tuple(workspace.feeds(samples))
    with workspace.progress.stage("compare layers with float"):
        found = places(original, quantized, _whole(ascent, rung))
        measured = signals(original, quantized, found, feeds, workspace.threads)
    with workspace.progress.stage("ask runtimes for executed precision"):
        told = profiles(Subject(climbed.made.model, ascent.rendering, feeds[0], workspace.threads))
    with workspace.progress.stage("measure layers alone in int8"):
        noise = _noise(ascent, rung)
    findings = _Findings(ascent, climbed, original, told, noise)
    layers = tuple(findings.layer(place, measured[place.node.name]) for place in found)
    runtimes = tuple(one for one, _ in told)
    return Explanation(SCHEMA, ascent.rendering, len(feeds), climbed.ladder, runtimes, layers)


def _whole_rung(rung: Rung) -> Rung:
    """The chosen one with every layer in int8 that can be, and the head that all graphs began with."""
    return replace(
        rung, name="explained", refit=False, settings=replace(rung.settings, keep_float=frozenset()), tuning_s=None
    )


def _whole(ascent: Ascent, rung: Rung) -> onnx.ModelProto:
    with made(ascent, rung) as variant:
        return read_graph(variant.model)


def _noise(ascent: Ascent, rung: Rung) -> dict[str, tuple[float, int]]:
    """Share of every node's layer, and of how many layers together it was measured."""
    groups = noisy_groups(ascent, rung, Purse(float("inf"))) or ()
    return {name: (group.share, len(group.layers)) for group in groups for layer in group.layers for name in layer}


def _chosen(climbed: Climbed) -> Attempt:
    return next(one for one in climbed.ladder.attempts if one.name == climbed.ladder.chosen)


@dataclass(frozen=True)
class _Findings:
    """Everything that the layers of one explanation have in common."""

    ascent: Ascent
    climbed: Climbed
    original: onnx.ModelProto
    told: tuple[tuple[Profiled, Layers | None], ...]
    noise: dict[str, tuple[float, int]]

    def layer(self, place: Place, signal: Signal) -> LayerExplanation:
        """All that is known of one place."""
        operations = by_node(self.original)
        noise = self.noise.get(place.node.name)
        unknown = dict(signal.unknown)
        if noise is None:
            unknown["noise"] = "this rendering does not quantize it" if not place.is_head else "it stays in float"
        return LayerExplanation(
            name=place.node.name,
            op=place.node.op_type,
            is_depthwise=place.is_depthwise,
            tensor=place.tensor,
            reads=place.reads,
            precision="int8" if place.is_int8 else "float",
            operations_share=operations.get(place.node.name, 0) / (sum(operations.values()) or 1),
            grid=place.grid,
            seen=signal.seen,
            channels=signal.channels,
            rounding_sqnr_db=signal.rounding_sqnr_db,
            clipped=signal.clipped,
            weights_sqnr_db=signal.weights_sqnr_db,
            sqnr_db=signal.sqnr_db,
            noise=None if noise is None else noise[0],
            measured_with=1 if noise is None else noise[1],
            can_equalise=place.can_equalise,
            in_float_because="" if place.is_int8 else self._because(place),
            executed=executed(place, self.told),
            unknown=unknown,
        )

    def _because(self, place: Place) -> str:
        """Why a layer is in float."""
        if place.is_head:
            return _HEAD
        if place.node.name in _chosen(self.climbed).in_float:
            return _KEPT
        rendering = find(RENDERINGS, self.ascent.rendering, "rendering")
        if isinstance(rendering, QdqRendering) and place.node.name in rendering.better_in_float(self.original):
            return _TARGET
        return _UNPAIRED if place.node.op_type in LAYERS else _ROUNDED
