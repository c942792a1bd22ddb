"""Which renderings a runtime can compute exactly on a CPU, and which are worth trying there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from edgetl.artifact import Artifact
from edgetl.device.probe import INT8_DOT, X86
from edgetl.environment import Cpu

_FULL_WEIGHTS = frozenset({"x86-vnni", "arm", "openvino", "tensorrt"})
_HALVES = frozenset({"fp16", "bf16"})


def _is_x86(cpu: Cpu) -> bool:
    return cpu.architecture in X86


def _has_dot(cpu: Cpu) -> bool:
    return bool(INT8_DOT & set(cpu.isa))


def _saturates(cpu: Cpu) -> bool:
    return _is_x86(cpu) and not _has_dot(cpu)


def _is_exact_x86(cpu: Cpu) -> bool:
    return _is_x86(cpu) and _has_dot(cpu)


def _is_other(cpu: Cpu) -> bool:
    return not _is_x86(cpu)


def _is_any(_: Cpu) -> bool:
    return True


@dataclass(frozen=True)
class Waste:
    """Renderings that lose time on some CPUs, for a known reason."""

    renderings: frozenset[str]
    runtime: str | None
    """``None`` for every one."""
    applies: Callable[[Cpu], bool]
    because: str
    unless_without: str | None = None
    """The rendering that is better here; without it in the bundle this one is tried all the same."""


WASTES = (
    Waste(
        frozenset({"arm"}),
        None,
        _is_x86,
        "int8 activations have no fast kernels on x86: ONNX Runtime took 2.1 times as long as for the float graph; "
        "bundle 'x86-vnni' or 'x86'",
    ),
    Waste(
        frozenset({"tensorrt"}),
        "onnxruntime",
        _is_any,
        "ONNX Runtime computes its convolutions in float, because their results are not quantized; "
        "bundle a rendering for this CPU",
    ),
    Waste(
        frozenset({"bf16"}),
        "onnxruntime",
        _is_any,
        "ONNX Runtime has no bf16 kernels for CPUs; the float graph is for it",
    ),
    Waste(
        frozenset({"fp16"}),
        "onnxruntime",
        _is_x86,
        "ONNX Runtime has no fp16 kernels on x86 and computes in fp32 between casts; the float graph is for it",
    ),
    Waste(
        _HALVES,
        "openvino",
        _is_any,
        "OpenVINO takes its precision as a hint and computes the float graph in it; 16-bit graphs are for TensorRT",
    ),
    Waste(
        frozenset({"x86"}),
        None,
        _is_exact_x86,
        "its weights have 7 bits for CPUs without VNNI, and this one has it; 'x86-vnni' of this bundle is better here",
        "x86-vnni",
    ),
    Waste(
        frozenset({"openvino", "x86", "x86-vnni"}),
        None,
        _is_other,
        "it is for x86; 'arm' of this bundle is for this CPU",
        "arm",
    ),
    Waste(
        frozenset({"openvino"}),
        "onnxruntime",
        _is_any,
        "it is for OpenVINO alone, and ONNX Runtime computes its convolutions in float where their results are not "
        "quantized; 'x86-vnni' is for both",
    ),
)


def unfit_because(artifact: Artifact, cpu: Cpu) -> str | None:
    """Why a CPU cannot compute a graph exactly, whatever the runtime; ``None`` where it can, as far as its maker knew.

    Graphs of bundles without a proof are judged by their rendering.
    """
    if not _is_x86(cpu):
        return None
    if artifact.proven_isa:
        if set(artifact.proven_isa) & set(cpu.isa):
            return None
        return (
            f"not proven for this CPU: products may saturate at 16 bits on {cpu.model!r}, which has none of "
            f"{', '.join(artifact.proven_isa)}; add 'x86', which is for CPUs without VNNI, to renderings in [quantize]"
        )
    if artifact.rendering not in _FULL_WEIGHTS or not _saturates(cpu):
        return None
    return (
        f"rendering {artifact.rendering!r} needs VNNI or AMX on x86, which {cpu.model!r} does not have: pairs of "
        "products saturate at 16 bits and the results are wrong; add 'x86', which is for CPUs without VNNI, to "
        "renderings in [quantize]"
    )


def wasted_because(rendering: str, runtime: str, cpu: Cpu, bundled: Collection[str]) -> str | None:
    """Why a rendering is not worth trying with a runtime on a CPU; ``None`` where measuring decides.

    Args:
        bundled: every rendering of the bundle.
    """
    for waste in WASTES:
        is_meant = rendering in waste.renderings and waste.runtime in (None, runtime) and waste.applies(cpu)
        if is_meant and (waste.unless_without is None or waste.unless_without in bundled):
            return f"rendering {rendering!r} is not worth trying: {waste.because}"
    return None
