"""What the machine can run: every runtime is tried."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import numpy as np

from edgetl.device.packages import find_package
from edgetl.device.probe.cpu import INT8_DOT, X86
from edgetl.device.probe.jetson import output_of
from edgetl.device.probe.lasting import environment
from edgetl.device.probe.preflight import preflight
from edgetl.device.probe.state import WINDOW_S, machine_state
from edgetl.environment import Cpu, Environment
from edgetl.errors import EdgeTLError
from edgetl.machine_state import MachineState
from edgetl.plugins import BACKENDS, resolve
from edgetl.runner import Availability, Backend, LoadOptions

_HOST_PACKAGES = {"torch": "torch", "timm": "timm", "onnx": "onnx", "sklearn": "scikit-learn"}
_RELU = bytes.fromhex(
    "080712003a3d0a0c0a0178120179220452656c751201675a140a0178120f0a0d080112090a0312014e0a02080262140a0179120f0a0d08"
    "0112090a0312014e0a02080242040a00100d"
)
"""An ONNX file: ``y = Relu(x)``, float32 ``(N, 2)``, opset 13."""


class Package(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One package: whether it can be used here and, when not, why and what to do."""

    name: str
    needed_for: str
    available: bool
    version: str | None
    reason: str


class Diagnosis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this machine can run."""

    environment: Environment
    runtimes: tuple[Package, ...]
    host_packages: tuple[Package, ...]
    remarks: tuple[str, ...]
    """What the processor lacks, and what follows from it."""
    state: MachineState
    """How the machine stands, with what speaks against measuring now."""


def doctor(root: Path = Path("/")) -> Diagnosis:
    """Try every runtime on a model of one operation, and look (without importing) for what the host half needs."""
    here = environment(root)
    state = machine_state(root, run=output_of, window_s=WINDOW_S)
    return Diagnosis(
        environment=here,
        runtimes=tuple(_package(name, "inference", _tried(resolve(dotted))) for name, dotted in BACKENDS.items()),
        host_packages=tuple(
            _package(module, "host half", find_package(module, "host", (distribution,)))
            for module, distribution in _HOST_PACKAGES.items()
        ),
        remarks=remarks(here.cpu),
        state=msgspec.structs.replace(state, findings=preflight(state, here, threads=None)),
    )


def _package(name: str, needed_for: str, found: Availability) -> Package:
    return Package(name, needed_for, found.available, found.version, found.reason)


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


def remarks(cpu: Cpu) -> tuple[str, ...]:
    """What a processor lacks, and what follows from it for speed."""
    isa, found = set(cpu.isa), []
    if cpu.architecture in X86:
        if not isa & INT8_DOT:
            found.append("no VNNI: int8 sums can saturate, so of the int8 graphs only rendering 'x86' is tried here")
        if not isa & {"avx512_bf16", "amx_bf16"}:
            found.append("no bf16 instructions: float graphs run in fp32")
    elif "asimddp" not in isa:
        found.append("no int8 dot product (asimddp): int8 may be slower than fp32")
    return tuple(found)
