"""Every way to run the variants of a bundle on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgetl.candidate import Candidate, Variant
from edgetl.device.fitness import unfit_because, wasted_because
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

    A variant that this CPU cannot compute exactly, or that a runtime has no kernels for, appears once per runtime, with
    the reason.

    Args:
        variants: of one bundle.
        target: which thread counts to try; more than this process may use are not tried.
        environment: of this machine.
        backends: runtimes that are installed, by name.
    """
    threads = _thread_counts(target, environment.cpu)
    bundled = {variant.artifact.rendering for variant in variants}
    formed: list[Formed] = []
    for variant in variants:
        rendering, cpu = variant.artifact.rendering, environment.cpu
        for runtime, backend in backends.items():
            unfit = unfit_because(variant.artifact, cpu) or wasted_because(rendering, runtime, cpu, bundled)
            precisions = backend.precisions(rendering, cpu.isa) or (variant.artifact.precision,)
            for precision in precisions:
                formed += [
                    Formed(Candidate(variant.name, runtime, precision, count), variant, unfit)
                    for count in (threads[:1] if unfit else threads)
                ]
    return tuple(formed)


def _thread_counts(target: Target, cpu: Cpu) -> tuple[int, ...]:
    wanted = target.threads or (cpu.allowed_cpus,)
    return tuple(dict.fromkeys(min(count, cpu.allowed_cpus) for count in wanted))
