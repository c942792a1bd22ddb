"""What is timed against what: a variant is a graph, a candidate is a way to run it."""

from __future__ import annotations

import msgspec

from edgetl.artifact import Artifact


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One graph in a bundle."""

    name: str
    artifact: Artifact


class Candidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A variant on one runtime, with a precision hint and a thread count."""

    variant: str
    runtime: str
    precision: str
    """What the runtime is asked to compute in: ``fp32``, ``bf16`` or ``int8``."""
    threads: int

    @property
    def name(self) -> str:
        """For example ``int8-x86-vnni/openvino/int8/2t``."""
        return f"{self.variant}/{self.runtime}/{self.precision}/{self.threads}t"
