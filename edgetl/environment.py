"""The machine a number was measured on, as a value."""

from __future__ import annotations

import hashlib

import msgspec


class Cpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The processor as this process may use it."""

    model: str
    architecture: str
    isa: tuple[str, ...]
    """Instruction sets that decide inference speed, such as ``avx2``, ``avx512_vnni``, ``amx_int8``, ``asimddp``."""
    logical_cpus: int
    allowed_cpus: int
    """After affinity and container limits."""
    governor: str | None = None


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What would be needed to disbelieve a measurement. Unknown is ``None``, never zero."""

    system: str
    kernel: str
    python: str
    edgetl: str
    cpu: Cpu
    memory_bytes: int | None
    board: str | None
    container: str | None
    runtimes: dict[str, str]
    """Version of every runtime that works here."""
    load_average: float | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what decides speed and results; the load average is not part of it."""
        return hashlib.sha256(
            msgspec.json.encode(msgspec.structs.replace(self, load_average=None), order="sorted")
        ).hexdigest()
