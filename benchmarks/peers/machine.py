"""What of this machine decides how a network is to be quantized for it."""

from __future__ import annotations

from collections.abc import Mapping

from edgetl.device.probe import INT8_DOT, X86, environment

BF16 = frozenset({"avx512_bf16", "amx_bf16"})


def rendering() -> str:
    """Of int8, the one that is for this CPU."""
    cpu = environment().cpu
    if cpu.architecture not in X86:
        return "arm"
    return "x86-vnni" if INT8_DOT & set(cpu.isa) else "x86"


def advice() -> Mapping[str, bool]:
    """What documentation of other tools makes settings depend on, for those it is true of."""
    isa = set(environment().cpu.isa)
    return {
        **({"without_vnni": True} if rendering() == "x86" else {}),
        **({} if BF16 & isa else {"without_bf16": True}),
    }
