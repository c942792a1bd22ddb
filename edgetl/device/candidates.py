"""Every way to run the variants of a bundle on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgetl.artifact import Artifact
from edgetl.candidate import Candidate, Variant
from edgetl.device.probe import INT8_DOT, X86
from edgetl.environment import Cpu, Environment
from edgetl.errors import MissingExtra
from edgetl.plugins import BACKENDS, find
from edgetl.runner import Backend
from edgetl.target import Target


@dataclass(frozen=True)
class Formed:
    """A candidate; with a reason, one that is not worth trying."""

    candidate: Candidate
    variant: Variant
    rejected_because: str | None = None


def backends_of(target: Target) -> dict[str, Backend]:
    """The runtimes of a target that are installed here, in the target's order.

    Raises:
        MissingExtra: none is.
        Unsupported: the target names a runtime that EdgeTL does not have.
    """
    found: dict[str, Backend] = {name: find(BACKENDS, name, "runtime") for name in target.runtimes}
    available = {name: backend for name, backend in found.items() if backend.probe().available}
    if not available:
        raise MissingExtra(target.runtimes[0], extra=target.runtimes[0])
    return available


def form(
    variants: tuple[Variant, ...], target: Target, environment: Environment, backends: Mapping[str, Backend]
) -> tuple[Formed, ...]:
    """Variants x runtimes x precision hints x thread counts.

    A variant that this CPU cannot compute exactly appears once per runtime, with the reason.

    Args:
        variants: of one bundle.
        target: which thread counts to try; more than this process may use are not tried.
        environment: of this machine.
        backends: runtimes that are installed, by name.
    """
    threads = _thread_counts(target, environment.cpu)
    formed: list[Formed] = []
    for variant in variants:
        rendering = variant.artifact.rendering
        unfit = unfit_because(variant.artifact, environment.cpu)
        for runtime, backend in backends.items():
            for precision in backend.precisions(rendering, environment.cpu.isa):
                formed += [
                    Formed(Candidate(variant.name, runtime, precision, count), variant, unfit)
                    for count in (threads[:1] if unfit else threads)
                ]
    return tuple(formed)


def _thread_counts(target: Target, cpu: Cpu) -> tuple[int, ...]:
    wanted = target.threads or (cpu.allowed_cpus,)
    return tuple(dict.fromkeys(min(count, cpu.allowed_cpus) for count in wanted))


def unfit_because(artifact: Artifact, cpu: Cpu) -> str | None:
    """Why a CPU cannot compute a graph exactly; ``None`` where it can, as far as the graph's maker knew.

    Graphs of bundles without a proof are judged by their rendering.
    """
    if cpu.architecture not in X86:
        return None
    if artifact.proven_isa:
        if set(artifact.proven_isa) & set(cpu.isa):
            return None
        return (
            f"not proven for this CPU: products may saturate at 16 bits on {cpu.model!r}, which has none of "
            f"{', '.join(artifact.proven_isa)}; bundle a rendering for CPUs without VNNI"
        )
    if artifact.rendering != "x86-vnni" or INT8_DOT & set(cpu.isa):
        return None
    return (
        f"rendering 'x86-vnni' needs VNNI or AMX, which {cpu.model!r} does not have: pairs of products saturate at "
        "16 bits and the results are wrong; bundle a rendering for CPUs without VNNI"
    )
