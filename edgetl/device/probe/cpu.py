"""The processor, from ``/proc/cpuinfo``."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from edgetl.device.kernel.files import read
from edgetl.device.probe.cgroup import cpu_quota, within_quota
from edgetl.device.probe.cpu_time import affinity
from edgetl.environment import Cpu

_X86_FLAGS = (
    "sse4_2 avx avx2 fma f16c avx_vnni avx_vnni_int8 avx512f avx512bw avx512_vnni avx512_bf16 avx512_fp16 "
    "amx_tile amx_int8 amx_bf16 amx_fp16"
)
_ARM_FLAGS = "neon vfpv4 asimd fphp asimdhp asimddp asimdfhm i8mm bf16 sve sve2 svei8mm svebf16 sme sme2"
ISA = frozenset(f"{_X86_FLAGS} {_ARM_FLAGS}".split())
"""Flags of ``/proc/cpuinfo`` that decide inference speed or numerics, on x86 and ARM."""
INT8_DOT = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
"""x86 flags that multiply uint8 by int8 without saturating in between."""
INT8_PAIRS = frozenset({"sse4_2", "avx2", "avx512bw"})
"""x86 flags that, without one of the others, only add pairs of such products with saturation to 16 bits."""

X86 = frozenset({"x86_64", "AMD64", "i686"})
_ARM_PARTS = {
    "0xd03": "Cortex-A53",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd0b": "Cortex-A76",
    "0xd42": "Cortex-A78AE",
    "0xd0c": "Neoverse-N1",
    "0xd40": "Neoverse-V1",
    "0xd49": "Neoverse-N2",
    "0xd4f": "Neoverse-V2",
}
"""ARM kernels print numbers instead of names (MIDR_EL1, Arm's Technical Reference Manuals)."""


def cpu(root: Path) -> Cpu:
    """The processor as this process may use it."""
    text = read(root / "proc/cpuinfo") or ""
    fields = _cpuinfo_fields(text)
    flags = frozenset((fields.get("flags") or fields.get("Features") or "").split())
    return Cpu(
        model=_cpu_model(fields),
        architecture=platform.machine(),
        isa=tuple(sorted(flags & ISA)),
        logical_cpus=len(re.findall(r"^processor\s*:", text, flags=re.MULTILINE)) or os.cpu_count() or 1,
        allowed_cpus=_allowed_cpus(root),
        governor=read(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    )


def _cpuinfo_fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip(), value.strip())
    return fields


def _cpu_model(fields: dict[str, str]) -> str:
    part = fields.get("CPU part", "")
    named = fields.get("model name") or _ARM_PARTS.get(part) or fields.get("Model") or fields.get("Hardware")
    return named or (f"ARM part {part}" if part else platform.processor() or platform.machine())


def _allowed_cpus(root: Path) -> int:
    cpus = len(affinity(root)) or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    return within_quota(cpus or 1, cpu_quota(root))
