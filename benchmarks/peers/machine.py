"""What of this machine decides how a network is to be quantized for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from edgetl.device.backends.openvino import BACKEND as OPENVINO
from edgetl.device.probe import INT8_DOT, X86, environment


def rendering() -> str:
    """Of int8, the one that is for this CPU."""
    cpu = environment().cpu
    if cpu.architecture not in X86:
        return "arm"
    return "x86-vnni" if INT8_DOT & set(cpu.isa) else "x86"


def renderings(asked: Collection[str]) -> tuple[str, ...]:
    """Of int8, those that are for this CPU.

    Args:
        asked: of the recipe of a case; what is for OpenVINO alone is made where it is among them.
    """
    own = rendering()
    return (own, "openvino") if own == "x86-vnni" and "openvino" in asked else (own,)


def advice() -> Mapping[str, bool]:
    """What documentation of other tools makes settings depend on, for those it is true of."""
    told = {"without_vnni": rendering() == "x86", "without_bf16": "bf16" not in float_precisions()}
    return {name: True for name, is_so in told.items() if is_so}


def float_precisions() -> tuple[str, ...]:
    """What OpenVINO computes float layers in here."""
    return OPENVINO.precisions("float", environment().cpu.isa)
