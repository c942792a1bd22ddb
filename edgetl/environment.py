"""The machine a number was measured on, as a value."""

from __future__ import annotations

import hashlib

import msgspec

_GIB = 1 << 30


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
    libraries: dict[str, str] = {}
    """Version of every other library that decides results: ``numpy`` and ``pillow``, which decodes and resizes."""

    platform_release: str | None = None
    """L4T release of a Jetson, such as ``R36.4.3``: it fixes drivers and compilers."""
    power_mode: str | None = None
    """``nvpmodel``'s mode of a Jetson, with its number: it decides which CPUs and clocks there are."""

    @property
    def lasting(self) -> Environment:
        """Without what changes from start to start: the load, and memory below a whole GiB (kernels keep some back)."""
        memory = None if self.memory_bytes is None else (self.memory_bytes + _GIB // 2) // _GIB * _GIB
        return msgspec.structs.replace(self, load_average=None, memory_bytes=memory)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what decides speed and results."""
        known: dict[str, object] = msgspec.to_builtins(self.lasting)
        for name in ("platform_release", "power_mode"):
            if known[name] is None:
                del known[name]  # so that boards without them keep the qualifications that they have
        return hashlib.sha256(msgspec.json.encode(known, order="sorted")).hexdigest()
