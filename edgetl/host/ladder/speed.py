"""How fast a quantized graph is against float, on the machine that prepares or by what it computes in int8."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import onnx

from edgetl.device.bench.plan import Plan
from edgetl.device.bench.timing import interleave
from edgetl.device.fitness import wasted_because
from edgetl.device.probe import INT8_DOT, X86
from edgetl.environment import Cpu
from edgetl.host.graph import read_graph
from edgetl.host.inference import Crew, Engine, pool
from edgetl.host.operations import by_node, usual
from edgetl.host.quantize import Rendering
from edgetl.host.quantize.coverage import coverage
from edgetl.host.workspace import Workspace
from edgetl.plugins import RENDERINGS, find

SHORT = Plan(5, 0.1, 0.5, 0.03, block_s=0.1, min_blocks=6, min_samples=50, min_s=0.6, cap_s=3.0)
"""Enough to tell a few percent apart, in blocks that outlast the busy waiting of the other one's threads; the device
measures its candidates itself."""


def _has_vnni(cpu: Cpu) -> bool:
    return cpu.architecture in X86 and bool(INT8_DOT & set(cpu.isa))


_AT_HOME: Mapping[str, Callable[[Cpu], bool]] = {
    "openvino": _has_vnni,
    "x86-vnni": _has_vnni,
    "x86": lambda cpu: cpu.architecture in X86,
    "arm": lambda cpu: cpu.architecture not in X86,
}
"""Which CPUs a rendering is meant for. Of others nothing is timed: time on a CPU says nothing of a GPU."""


def untimed_because(rendering: str, cpu: Cpu, bundled: Collection[str]) -> str:
    """Why this machine's time says nothing of a rendering's targets; empty where it does.

    Args:
        bundled: every rendering of the recipe; a device that is like this machine tries none that another one beats.
    """
    if rendering not in _AT_HOME:
        return f"rendering {rendering!r} is for TensorRT, and a CPU's time says nothing of a GPU's"
    if not _AT_HOME[rendering](cpu):
        return f"rendering {rendering!r} is not for this machine's CPU ({cpu.model})"
    meant: Rendering = find(RENDERINGS, rendering, "rendering")
    reasons = [wasted_because(rendering, runtime, cpu, bundled) for runtime in sorted(meant.runtimes)]
    return "" if None in reasons else str(reasons[0])


def time_ratio(candidate: Engine, reference: Engine, workspace: Workspace) -> float:
    """Median latency of one graph by another's, one sample at a time with all threads, in one interleaved run."""
    sample = workspace.example()
    crew = Crew.alone(workspace.threads)
    with pool(candidate, crew) as first, pool(reference, crew) as second:
        timed = interleave({"candidate": lambda: first(sample), "reference": lambda: second(sample)}, SHORT)
    return statistics.median(timed["candidate"].samples_ns) / statistics.median(timed["reference"].samples_ns)


def int8_share(model: Path) -> float:
    """Fraction of a graph's multiply-adds that is in quantized layers; 0 where nothing can be counted."""
    graph = read_graph(model)
    operations, quantized = by_node(graph, usual(graph)), coverage(graph).quantized
    return sum(operations[name] for name in quantized) / (sum(operations.values()) or 1)


def structure_sha256(model: Path) -> str:
    """A hash of what a graph's latency hangs on: nodes, shapes, types and single steps, but no weights.

    Steps of activations are kept, because runtimes leave out a Clip or not by them.
    """
    graph = read_graph(model)
    for tensor in graph.graph.initializer:
        if math.prod(tensor.dims) > 1:
            bare = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
            tensor.CopyFrom(bare)
    return hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest()
