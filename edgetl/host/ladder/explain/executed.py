"""What the runtimes of this machine compute each layer of a quantized graph in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.device.fitness import unfit_because, wasted_because
from edgetl.device.probe import environment
from edgetl.environment import Cpu
from edgetl.errors import BackendError
from edgetl.explanation import Executed, Profiled
from edgetl.host.graph import artifact_from, read_graph
from edgetl.host.ladder.explain.places import Place
from edgetl.host.quantize.saturation.bounds import with_proof
from edgetl.layers import Layer, Layers
from edgetl.plugins import BACKENDS, find
from edgetl.runner import Backend, LoadOptions
from edgetl.tensors import Feed, feeds_of

_RUNS = 2
_APPENDED = re.compile(r"(_token_\d+|_nchwc)+$")
"""What ONNX Runtime appends to the name of a node, or of its result, that it replaces."""
FUSED = "no kernel has its name; it was fused into another one, or replaced"


@dataclass(frozen=True)
class Subject:
    """A quantized graph, and what to run it on."""

    model: Path
    rendering: str
    sample: Feed
    threads: int


def profiles(subject: Subject) -> tuple[tuple[Profiled, Layers | None], ...]:
    """Profile a graph with every runtime that a device like this one would try it with."""
    cpu = environment().cpu
    return tuple(_profile(subject, name, cpu) for name in BACKENDS)


def executed(place: Place, told: Sequence[tuple[Profiled, Layers | None]]) -> tuple[Executed, ...]:
    """What each runtime that was profiled computed a layer in."""
    return tuple(
        _executed(place, found.runtime, by_name(layers.layers)) for found, layers in told if layers is not None
    )


def by_name(layers: Sequence[Layer]) -> Mapping[str, str]:
    """Precision of every kernel that has one, by the name of its node or of its result without what was appended."""
    found: dict[str, str] = {}
    for layer in layers:
        if layer.precision is not None:
            found.setdefault(_APPENDED.sub("", layer.name), layer.precision)
    return found


def _executed(place: Place, runtime: str, precisions: Mapping[str, str]) -> Executed:
    for name in (place.node.name, place.node.output[0], place.tensor):
        if name in precisions:
            return Executed(runtime, precisions[name])
    return Executed(runtime, None, FUSED)


def _profile(subject: Subject, name: str, cpu: Cpu) -> tuple[Profiled, Layers | None]:
    backend: Backend = find(BACKENDS, name, "runtime")
    because = _not_because(subject, backend, cpu)
    if because:
        return Profiled(name, None, because), None
    options = LoadOptions(threads=subject.threads, precision="int8")
    inputs = artifact_from(subject.model, subject.model.name, subject.rendering, "int8").inputs
    try:
        built = backend.build(subject.model, options, None)
        layers = backend.profile(built, options, [feeds_of(subject.sample, inputs)], _RUNS)
    except BackendError as error:
        return Profiled(name, None, str(error)), None
    if not layers.layers:
        return Profiled(name, None, layers.reason or "it told of no layers"), None
    return Profiled(name, layers.source), layers


def _not_because(subject: Subject, backend: Backend, cpu: Cpu) -> str:
    """Why a runtime is not asked; empty where it is."""
    available = backend.probe()
    if not available.available:
        return available.reason
    artifact = artifact_from(subject.model, subject.model.name, subject.rendering, "int8")
    artifact = with_proof(artifact, read_graph(subject.model))
    unfit = unfit_because(artifact, cpu) or wasted_because(
        subject.rendering, backend.name, cpu, bundled=(subject.rendering,)
    )
    if unfit:
        return unfit
    hints = backend.precisions(subject.rendering, cpu.isa)
    return "" if hints else f"{backend.name} has no kernels for rendering {subject.rendering!r} on this CPU"
