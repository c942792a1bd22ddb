"""The machine as this process may use it, read from ``/proc`` and ``/sys``; nothing is changed and nothing imported."""

from __future__ import annotations

import os
import platform
import re
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import PIL

from edgetl import __version__
from edgetl.device.packages import find_package
from edgetl.environment import Cpu, Environment
from edgetl.errors import EdgeTLError
from edgetl.plugins import BACKENDS, resolve
from edgetl.runner import Availability, Backend, LoadOptions

_X86_FLAGS = (
    "sse4_2 avx avx2 fma f16c avx_vnni avx_vnni_int8 avx512f avx512bw avx512_vnni avx512_bf16 avx512_fp16 "
    "amx_tile amx_int8 amx_bf16 amx_fp16"
)
_ARM_FLAGS = "neon vfpv4 asimd fphp asimdhp asimddp asimdfhm i8mm bf16 sve sve2 svei8mm svebf16 sme sme2"
ISA = frozenset(f"{_X86_FLAGS} {_ARM_FLAGS}".split())
"""Flags of ``/proc/cpuinfo`` that decide inference speed or numerics, on x86 and ARM."""
INT8_DOT = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
"""x86 flags that multiply uint8 by int8 without saturating in between."""

X86 = frozenset({"x86_64", "AMD64", "i686"})
_HOST_PACKAGES = {"torch": "torch", "timm": "timm", "onnx": "onnx", "sklearn": "scikit-learn"}
_RELU = bytes.fromhex(
    "080712003a3d0a0c0a0178120179220452656c751201675a140a0178120f0a0d080112090a0312014e0a02080262140a0179120f0a0d08"
    "0112090a0312014e0a02080242040a00100d"
)
"""An ONNX file: ``y = Relu(x)``, float32 ``(N, 2)``, opset 13."""
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


def environment(root: Path = Path("/")) -> Environment:
    """Describe this machine.

    Runtime versions come from package metadata: no runtime is imported, so a package that is installed but broken is
    listed (``edgetl doctor`` runs a model on each).

    Args:
        root: where ``proc`` and ``sys`` are; another tree in tests.
    """
    return Environment(
        system=platform.system(),
        kernel=platform.release(),
        python=platform.python_version(),
        edgetl=__version__,
        cpu=_cpu(root),
        memory_bytes=_memory_bytes(root),
        board=_board(root),
        container=_container(root),
        runtimes=_runtimes(),
        load_average=_load_average(root),
        libraries={"numpy": np.__version__, "pillow": PIL.__version__},
    )


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One package: whether it can be used here and, when not, why and what to do."""

    name: str
    needed_for: str
    available: bool
    version: str | None
    reason: str


class Diagnosis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this machine can run."""

    environment: Environment
    runtimes: tuple[Finding, ...]
    host_packages: tuple[Finding, ...]
    remarks: tuple[str, ...]
    """What the processor lacks or is set to, and what follows from it."""


def doctor(root: Path = Path("/")) -> Diagnosis:
    """Try every runtime on a model of one operation, and look (without importing) for what the host half needs."""
    here = environment(root)
    return Diagnosis(
        environment=here,
        runtimes=tuple(_finding(name, "inference", _tried(resolve(dotted))) for name, dotted in BACKENDS.items()),
        host_packages=tuple(
            _finding(module, "host half", find_package(module, "host", (distribution,)))
            for module, distribution in _HOST_PACKAGES.items()
        ),
        remarks=remarks(here),
    )


def _finding(name: str, needed_for: str, found: Availability) -> Finding:
    return Finding(name, needed_for, found.available, found.version, found.reason)


def _tried(backend: Backend) -> Availability:
    found = backend.probe()
    if not found.available:
        return found
    with tempfile.TemporaryDirectory(prefix="edgetl-") as folder:
        model = Path(folder) / "relu.onnx"
        model.write_bytes(_RELU)
        try:
            runner = backend.load(model, LoadOptions(threads=1))
            runner.infer({"x": np.zeros((1, 2), np.float32)})
            runner.close()
        except EdgeTLError as error:
            return Availability(False, found.version, f"installed, but does not work: {error}")
    return found


def remarks(here: Environment) -> tuple[str, ...]:
    """What this machine lacks or is busy with, and what follows from it for speed."""
    isa, cpu, found = set(here.cpu.isa), here.cpu, []
    if cpu.architecture in X86:
        if not isa & INT8_DOT:
            found.append("no VNNI: int8 sums can saturate, so graphs of rendering 'x86-vnni' are not tried here")
        if not isa & {"avx512_bf16", "amx_bf16"}:
            found.append("no bf16 instructions: float graphs run in fp32")
    elif "asimddp" not in isa:
        found.append("no int8 dot product (asimddp): int8 may be slower than fp32")
    if cpu.allowed_cpus < cpu.logical_cpus:
        found.append(f"this process may use {cpu.allowed_cpus} of {cpu.logical_cpus} CPUs")
    if cpu.governor not in (None, "performance"):
        found.append(f"CPU governor is {cpu.governor!r}: latency varies; 'performance' measures what the CPU can do")
    if here.load_average is not None and here.load_average > cpu.allowed_cpus / 2:
        found.append(
            f"the machine is busy (load {here.load_average:.1f} on {cpu.allowed_cpus} CPUs): latency is inflated"
        )
    return tuple(found)


def _runtimes() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, dotted in BACKENDS.items():
        backend: Backend = resolve(dotted)
        availability = backend.probe()
        if availability.available:
            found[name] = availability.version or "unknown"
    return found


def _cpu(root: Path) -> Cpu:
    text = _read(root / "proc/cpuinfo") or ""
    fields = _cpuinfo_fields(text)
    flags = frozenset((fields.get("flags") or fields.get("Features") or "").split())
    return Cpu(
        model=_cpu_model(fields),
        architecture=platform.machine(),
        isa=tuple(sorted(flags & ISA)),
        logical_cpus=len(re.findall(r"^processor\s*:", text, flags=re.MULTILINE)) or os.cpu_count() or 1,
        allowed_cpus=_allowed_cpus(root),
        governor=_read(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
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
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_cpus(root)
    return affinity if quota is None else max(1, min(affinity, int(quota)))


def _cgroup_cpus(root: Path) -> float | None:
    """CPUs that the container's quota amounts to (cgroup v2 ``cpu.max``, v1 ``cfs_quota_us``); ``None`` without one."""
    limits = [_ratio(*(_read(path / "cpu.max") or "").split()) for path in _cgroup_folders(root, "")]
    limits += [
        _ratio(_read(path / "cpu.cfs_quota_us") or "", _read(path / "cpu.cfs_period_us") or "")
        for path in _cgroup_folders(root, "cpu")
    ]
    return min((limit for limit in limits if limit is not None), default=None)


def _cgroup_folders(root: Path, controller: str) -> tuple[Path, ...]:
    """The group of this process and all above it: the tightest limit of them holds."""
    mounts = (root / "sys/fs/cgroup" / controller,) if controller else (root / "sys/fs/cgroup",)
    folders: list[Path] = list(mounts)
    for line in (_read(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controller in controllers.split(","):
            folder = mounts[0] / path.strip("/")
            while folder != mounts[0] and mounts[0] in folder.parents:
                folders.append(folder)
                folder = folder.parent
    return tuple(folders)


def _ratio(quota: str = "", period: str = "") -> float | None:
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None  # "max" in v2 and "-1" in v1 are no limit
    return int(quota) / int(period)


def _memory_bytes(root: Path) -> int | None:
    match = re.search(r"^MemTotal:\s+(\d+) kB", _read(root / "proc/meminfo") or "", flags=re.MULTILINE)
    total = int(match[1]) * 1024 if match else None
    limits = [_read(folder / "memory.max") for folder in _cgroup_folders(root, "")]
    limits += [_read(folder / "memory.limit_in_bytes") for folder in _cgroup_folders(root, "memory")]
    known = [int(limit) for limit in limits if limit and limit.isdigit()]
    return min([*known, total]) if total is not None else None


def _board(root: Path) -> str | None:
    for name in ("proc/device-tree/model", "sys/devices/virtual/dmi/id/product_name"):
        if found := _read(root / name):
            return found
    return None


def _container(root: Path) -> str | None:
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / "run/.containerenv").exists():
        return "podman"
    match = re.search(r"(docker|kubepods|lxc|containerd)", _read(root / "proc/1/cgroup") or "")
    return match[1] if match else None


def _load_average(root: Path) -> float | None:
    first = (_read(root / "proc/loadavg") or "").split(" ")[0]
    return float(first) if re.fullmatch(r"\d+\.\d+", first) else None


def _read(path: Path) -> str | None:
    """Text of a small file without surrounding blanks and zero bytes; ``None`` when it is missing, refused or empty."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n") or None
    except OSError:
        return None
