"""Whether a host's own kernels would cut the sums of a graph that is for another CPU."""

from __future__ import annotations

import functools
from pathlib import Path

from edgetl.artifact import sha256_of
from edgetl.device.probe import INT8_DOT, X86
from edgetl.environment import Cpu
from edgetl.host.graph import read_graph
from edgetl.host.quantize.saturation.bounds import proven_for


def saturates_here(model: Path, cpu: Cpu) -> bool:
    """Whether the fast int8 kernels of a CPU may compute something else than one with VNNI.

    Args:
        model: an ONNX graph, with Q/DQ pairs or not.
        cpu: of the machine that is to run it.

    Raises:
        Unsupported: not an ONNX graph.
    """
    if cpu.architecture not in X86 or INT8_DOT & set(cpu.isa):
        return False
    proven = set(_proven(str(model), sha256_of(model)))
    return bool(proven) and not proven & set(cpu.isa)


@functools.lru_cache(maxsize=256)
def _proven(model: str, sha256: str) -> tuple[str, ...]:
    return proven_for(read_graph(Path(model)))
