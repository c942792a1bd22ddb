"""Whether this machine's own kernels would cut the sums of a graph that is for another CPU."""

from __future__ import annotations

import functools
from pathlib import Path

from edgetl.artifact import sha256_of
from edgetl.device.probe import X86, environment
from edgetl.host.graph import read_graph
from edgetl.host.quantize.saturation.bounds import proven_for


def saturates_here(model: Path) -> bool:
    """Whether fast int8 kernels on this machine may compute something else than a CPU with VNNI.

    Args:
        model: an ONNX graph with Q/DQ pairs.

    Raises:
        Unsupported: not an ONNX graph.
    """
    cpu = environment().cpu
    if cpu.architecture not in X86:
        return False
    proven = set(_proven(str(model), sha256_of(model)))
    return bool(proven) and not proven & set(cpu.isa)


@functools.lru_cache(maxsize=256)
def _proven(model: str, _: str) -> tuple[str, ...]:
    """By path and content: a path alone may be written again."""
    return proven_for(read_graph(Path(model)))
