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
_ARM, _NVIDIA = "0x41", "0x4e"
_PARTS = {
    (_ARM, "0xd03"): "Cortex-A53",
    (_ARM, "0xd05"): "Cortex-A55",
    (_ARM, "0xd07"): "Cortex-A57",
    (_ARM, "0xd08"): "Cortex-A72",
    (_ARM, "0xd09"): "Cortex-A73",
    (_ARM, "0xd0b"): "Cortex-A76",
    (_ARM, "0xd41"): "Cortex-A78",
    (_ARM, "0xd42"): "Cortex-A78AE",
    (_ARM, "0xd4b"): "Cortex-A78C",
    (_ARM, "0xd0c"): "Neoverse-N1",
    (_ARM, "0xd40"): "Neoverse-V1",
    (_ARM, "0xd49"): "Neoverse-N2",
    (_ARM, "0xd4f"): "Neoverse-V2",
    (_ARM, "0xd83"): "Neoverse-V3AE",
    (_NVIDIA, "0x003"): "Denver 2",
    (_NVIDIA, "0x004"): "Carmel",
}
"""By implementer and part: ARM kernels print numbers instead of names.

MIDR_EL1 in Arm's Technical Reference Manuals; ``arch/arm64/include/asm/cputype.h`` of Linux (Neoverse-V3AE, of Jetson
Thor: commit 3bbf004c4808, 2025); ``sys-utils/lscpu-arm.c`` of util-linux (Denver 2 of Jetson TX2, Carmel of Xavier).
"""


def cpu(root: Path) -> Cpu:
    """The processor as this process may use it."""
    text = read(root / "proc/cpuinfo") or ""
    fields = _cpuinfo_fields(text)
    flags = frozenset((fields.get("flags") or fields.get("Features") or "").split())
    return Cpu(
        model=_cpu_model(text, fields),
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


def _cpu_model(text: str, fields: dict[str, str]) -> str:
    """``Cortex-A76``; ``4x Cortex-A76 + 4x Cortex-A55`` where cores differ."""
    parts = _parts(text)
    known = {part: _PARTS.get(part, f"ARM part {part[1]}") for part in parts}
    if len(parts) > 1:
        return " + ".join(f"{count}x {known[part]}" for part, count in parts.items())
    named = [known[part] for part in parts if part in _PARTS]
    named += [fields[key] for key in ("model name", "Model", "Hardware") if fields.get(key)]
    return next(iter((*named, *known.values())), "") or platform.processor() or platform.machine()


def _parts(text: str) -> dict[tuple[str, str], int]:
    """How many cores are of each part; the last ones first, as the small ones are numbered first on most boards."""
    found: dict[tuple[str, str], int] = {}
    for core in reversed(re.split(r"^processor\s*:", text, flags=re.MULTILINE)[1:]):
        fields = _cpuinfo_fields(core)
        if "CPU part" in fields:
            part = fields.get("CPU implementer", _ARM).lower(), fields["CPU part"].lower()
            found[part] = found.get(part, 0) + 1
    return found


def _allowed_cpus(root: Path) -> int:
    cpus = len(affinity(root)) or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    return within_quota(cpus or 1, cpu_quota(root))
