"""ONNX Runtime on the CPU."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgetl.device.backends.onnx_types import float_types
from edgetl.device.backends.onnxruntime_profile import layers_from_trace
from edgetl.device.checked_runner import CheckedRunner
from edgetl.device.packages import find_package, importing
from edgetl.errors import BackendError
from edgetl.layers import Layers
from edgetl.runner import Availability, LoadOptions, Runner, own_precision
from edgetl.tensors import Array, Batch, DType, TensorSpec

_DTYPES: dict[str, DType] = {
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
}
_PRECISIONS = ("fp32", "int8", "fp16", "bf16")
_REDUCED = frozenset({"fp16", "bf16"})
"""Floats that a graph must have to be computed in them."""
_ERRORS_ONLY = 3
_EXACT_SUMS = "session.x64quantprecision"
"""Makes int8 weights uint8, for which CPUs without VNNI have exact kernels; with VNNI it changes nothing."""
_HOST_BATCH = "N"
"""What :mod:`edgetl.host.export` calls the batch dimension."""


class OnnxRuntimeBackend:
    """Runs ONNX files as they are; there is nothing to build."""

    name = "onnxruntime"

    def probe(self) -> Availability:
        """Whether the package is installed; it is not imported."""
        return find_package("onnxruntime", "onnxruntime", ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"))

    def import_runtime(self) -> None:
        """Import the package.

        Raises:
            MissingExtra: onnxruntime is not installed.
            BackendError: it is installed but does not import.
        """
        _onnxruntime()

    def precisions(self, rendering: str, isa: tuple[str, ...]) -> tuple[str, ...]:
        """One: the graph's own, and none for bf16, for which there are no kernels on CPUs."""
        return () if rendering == "bf16" else (own_precision(rendering),)

    def build(self, model: Path, options: LoadOptions, cache: Path | None) -> Path:
        """The model itself."""
        return model

    def load(self, built: Path, options: LoadOptions) -> Runner:
        """Open a session with a fixed batch.

        Raises:
            MissingExtra: onnxruntime is not installed.
            BackendError: it refused the file, or does not compute in that precision.
        """
        return _runner(_open(built, options, None))

    def profile(self, built: Path, options: LoadOptions, feeds: Sequence[Batch], runs: int) -> Layers:
        """Run with ONNX Runtime's own profiler, whose trace names every kernel and the types it was given.

        Raises:
            MissingExtra: onnxruntime is not installed.
            BackendError: it refused the file, or failed while running it.
            Unsupported: the feeds are not what the model takes.
        """
        with tempfile.TemporaryDirectory(prefix="edgetl-profile-") as folder:
            session = _open(built, options, Path(folder))
            runner = _runner(session)
            try:
                for index in range(runs + 1):
                    runner.infer(feeds[index % len(feeds)])
            finally:
                # without this the session writes when it is collected, into a folder that is gone
                trace = Path(session.end_profiling())
            layers = layers_from_trace(trace.read_bytes())
        reason = None if layers else "onnxruntime's profile has no kernels"
        return Layers("ONNX Runtime's profile", runs, layers, reason)


BACKEND = OnnxRuntimeBackend()


def _runner(session: Any) -> CheckedRunner:
    inputs = tuple(_spec(node) for node in session.get_inputs())
    outputs = tuple(_spec(node) for node in session.get_outputs())
    names, run = [spec.name for spec in outputs], session.run

    def call(arrays: dict[str, Array]) -> Sequence[Array]:
        try:
            found: Sequence[Array] = run(names, arrays)
        except Exception as error:  # onnxruntime's errors share no base class
            raise BackendError(f"onnxruntime failed while running the model: {_first_line(error)}") from error
        return found

    return CheckedRunner("onnxruntime", inputs, outputs, call)


def _check_precision(model: Path, precision: str) -> None:
    """Refuse floats that the graph does not have: kernels compute in the types they are given, whatever was asked for.

    Raises:
        BackendError: says what to do.
    """
    if precision not in _PRECISIONS:
        raise BackendError(f"onnxruntime cannot compute in {precision!r} (it can in: {', '.join(_PRECISIONS)})")
    if precision not in _REDUCED:
        return
    try:
        types = float_types(model)
    except (OSError, ValueError):  # what is wrong with it, onnxruntime says
        return
    if precision not in types:
        raise BackendError(
            f"onnxruntime computes in the types of the graph, and nothing in {model.name!r} is {precision} (it has: "
            f"{', '.join(sorted(types)) or 'no floats'}); leave {precision} out, or convert the graph"
        )


def _open(model: Path, options: LoadOptions, profile: Path | None) -> Any:
    _check_precision(model, options.precision)
    session = _session(model, options, profile, _HOST_BATCH)
    named = {spec.shape[0] for spec in session.get_inputs() if spec.shape and isinstance(spec.shape[0], str)}
    if options.batch is not None and named:
        # a file not made here calls its batch something else, which only an open session tells
        session = _session(model, options, profile, *named)
    return session


def _session(model: Path, options: LoadOptions, profile: Path | None, *batch_names: str) -> Any:
    ort = _onnxruntime()
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    settings.log_severity_level = _ERRORS_ONLY
    settings.enable_cpu_mem_arena = not options.spares_memory
    if options.exact_sums:
        settings.add_session_config_entry(_EXACT_SUMS, "1")
    if profile is not None:
        settings.enable_profiling = True
        settings.profile_file_prefix = str(profile / "trace")
    if options.batch is not None:
        for name in batch_names:
            settings.add_free_dimension_override_by_name(name, options.batch)
    try:
        return ort.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class
        raise BackendError(f"onnxruntime cannot load {str(model)!r}: {_first_line(error)}") from error


def _onnxruntime() -> Any:
    with importing("onnxruntime", extra="onnxruntime"):
        import onnxruntime  # optional
    return onnxruntime


def _spec(node: Any) -> TensorSpec:
    if node.type not in _DTYPES:
        raise BackendError(f"tensor {node.name!r} is {node.type}; expected one of: {', '.join(_DTYPES)}")
    return TensorSpec(node.name, _DTYPES[node.type], tuple(d if isinstance(d, int) else None for d in node.shape))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
