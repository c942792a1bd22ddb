"""A machine in one line."""

from __future__ import annotations

from edgetl.environment import Environment


def machine(environment: Environment) -> str:
    """The processor, what it can do, and the runtimes."""
    cpu = environment.cpu
    runtimes = ", ".join(f"{name} {version}" for name, version in sorted(environment.runtimes.items()))
    isa = ", ".join(cpu.isa) or "no extensions known"
    return f"{cpu.model}, {cpu.allowed_cpus} CPUs ({isa}), {runtimes or 'no runtimes'}"
