"""OpenVINO on the CPU."""

from __future__ import annotations

import functools
import hashlib
import io
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from edgetl.device.backends.openvino_profile import Counter, layers_from_counters
from edgetl.device.checked_runner import Call, CheckedRunner
from edgetl.device.onnx_file import identity_of, parts_of
from edgetl.device.packages import find_package, importing
from edgetl.device.sealed import is_intact, seal, sealed_content
from edgetl.errors import BackendError, InputError
from edgetl.files import mark_used
from edgetl.layers import Layers
from edgetl.runner import Availability, LoadOptions, Runner, own_precision
from edgetl.tensors import Array, Batch, TensorSpec

_HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16", "fp16": "f16"}
_DTYPES = frozenset({"uint8", "int8", "int32", "int64", "float16", "float32", "float64", "bool"})
_RESULT = "/sink_port_0"
"""What OpenVINO appends to the name of an ONNX output."""
_BLOB = ".ovblob"
_FAILURES = (RuntimeError, UnicodeDecodeError)
"""The second where a message quotes bytes of a damaged file."""


class OpenVinoBackend:
    """Compiles ONNX files; with a cache folder the compiled blob is kept, which halves the time to load it again."""

    name = "openvino"

    def probe(self) -> Availability:
        """Whether the package is installed; it is not imported."""
        return find_package("openvino", "openvino", ("openvino", "openvino-nightly"))

    def import_runtime(self) -> None:
        """Import the package.

        Raises:
            MissingExtra: openvino is not installed.
            BackendError: it is installed but does not import.
        """
        _openvino()

    def precisions(self, rendering: str, isa: tuple[str, ...]) -> tuple[str, ...]:
        """The graph's own; for float ones also ``bf16`` where x86 has instructions for it."""
        if rendering != "float":
            return (own_precision(rendering),)
        return ("fp32", "bf16") if {"avx512_bf16", "amx_bf16"} & set(isa) else ("fp32",)

    def build(self, model: Path, options: LoadOptions, cache: Path | None) -> Path:
        """Compile into ``cache``, again where the blob there is damaged; without a cache, the model itself.

        Raises:
            MissingExtra: openvino is not installed.
            BackendError: it refused the model.
        """
        if cache is None:
            return model
        ov = _openvino()
        blob = cache / "openvino" / f"{_key(ov, model, options)}{_BLOB}"
        mark_used(blob)
        if not is_intact(blob):
            try:
                content = io.BytesIO()
                _compile(model, options).export_model(content)
            except _FAILURES as error:
                raise BackendError(f"openvino cannot compile {str(model)!r}: {_reason(error)}") from error
            blob.parent.mkdir(parents=True, exist_ok=True)
            seal(blob, content.getbuffer())
        return blob

    def load(self, built: Path, options: LoadOptions) -> Runner:
        """Compile a model, or import what ``build`` compiled.

        Raises:
            MissingExtra: openvino is not installed.
            BackendError: it refused the file, or is asked for exact sums.
        """
        return _load(built, options)

    def profile(self, built: Path, options: LoadOptions, feeds: Sequence[Batch], runs: int) -> Layers:
        """Run with OpenVINO's performance counters, which name every kernel and the precision it computed in.

        Raises:
            MissingExtra: openvino is not installed.
            BackendError: it refused the file, or failed while running it.
            Unsupported: the feeds are not what the model takes.
        """
        runner = _load(built, options, {"PERF_COUNT": True})
        runner.infer(feeds[0])
        first = runner.counters()
        for index in range(runs):
            runner.infer(feeds[(index + 1) % len(feeds)])
        layers = layers_from_counters(first, runner.counters(), runs)
        return Layers("OpenVINO's counters", runs, layers, None if layers else "openvino counted no layer")


BACKEND = OpenVinoBackend()


class _OpenVinoRunner(CheckedRunner):
    def __init__(self, compiled: Any) -> None:
        inputs = tuple(_spec(port, port.get_node().get_friendly_name()) for port in compiled.inputs)
        outputs = tuple(_spec(port, _output_name(port)) for port in compiled.outputs)
        self._request = compiled.create_infer_request()
        super().__init__("openvino", inputs, outputs, _call(self._request, len(outputs)), _own_ns(self._request))

    def counters(self) -> tuple[Counter, ...]:
        """What every node took so far; only of a model that was loaded to count."""
        return tuple(
            Counter(
                node.node_name,
                node.node_type,
                node.exec_type,
                node.status.name == "EXECUTED",
                round(node.real_time.total_seconds() * 1e6),
            )
            for node in self._request.profiling_info
        )

    def close(self) -> None:
        """Drop the request and with it the compiled model."""
        super().close()
        self._request = None


def _call(request: Any, outputs: int) -> Call:
    # tensors set and taken one by one: the dictionaries of infer() take 0.1 to 0.3 ms around a model of 3 ms
    tensor, places = _openvino().Tensor, range(outputs)

    def call(arrays: dict[str, Array]) -> Sequence[Array]:
        try:
            for place, array in enumerate(arrays.values()):
                # sharing saves a copy; openvino cannot share what is read-only
                request.set_input_tensor(place, tensor(array, shared_memory=array.flags.writeable))
            request.infer(share_outputs=True)
            # copied, because the next call changes them
            return [request.get_output_tensor(place).data.copy() for place in places]
        except _FAILURES as error:
            raise BackendError(f"openvino failed while running the model: {_reason(error)}") from error

    return call


def _own_ns(request: Any) -> Callable[[], int]:
    """OpenVINO tells milliseconds."""
    return lambda: round(float(request.latency) * 1e6)


def _openvino() -> Any:
    with importing("openvino", extra="openvino"):
        import openvino  # optional
    return openvino


@functools.cache
def _core() -> Any:
    """One for the process, never closed.

    On CPUs with AMX every core gives the calling thread an alternate signal stack and puts the former one back when it
    goes (seen in OpenVINO 2026.4). Two that go in the order they came leave a stack that is unmapped, and the next
    signal, ctrl-C say, is a segmentation fault.
    """
    return _openvino().Core()


def _load(built: Path, options: LoadOptions, extra: Mapping[str, object] = MappingProxyType({})) -> _OpenVinoRunner:
    _openvino()
    if options.exact_sums:
        raise BackendError("openvino cannot be asked for exact sums of int8 products; onnxruntime can")
    try:
        if built.suffix == _BLOB:
            compiled = _core().import_model(sealed_content(built), "CPU", {**_settings(options), **extra})
        else:
            compiled = _compile(built, options, extra)
        _check_precision(options.precision, compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
        return _OpenVinoRunner(compiled)
    except _FAILURES as error:
        advice = "; delete it to have it compiled again" if built.suffix == _BLOB else ""
        raise BackendError(f"openvino cannot load {str(built)!r}: {_reason(error)}{advice}") from error
    except OSError as error:
        raise BackendError(f"cannot read {str(built)!r} ({error.strerror})") from error


def _check_precision(precision: str, taken: str) -> None:
    """Refuse a model for which OpenVINO took another hint than it was given, as on a CPU without such instructions.

    Raises:
        BackendError: says what to do.
    """
    if precision in ("bf16", "fp16") and taken != _HINTS[precision]:
        raise BackendError(f"openvino computes in {taken} on this CPU when asked for {precision}; ask for fp32 instead")


def _compile(model: Path, options: LoadOptions, extra: Mapping[str, object] = MappingProxyType({})) -> Any:
    core = _core()
    graph = core.read_model(str(model))
    if options.batch is not None:
        graph.reshape({port: _with_batch(port.get_partial_shape(), options.batch) for port in graph.inputs})
    return core.compile_model(graph, "CPU", {**_settings(options), **extra})


def _with_batch(shape: Any, batch: int) -> Any:
    if len(shape) and shape[0].is_dynamic:
        shape[0] = batch
    return shape


def _settings(options: LoadOptions) -> dict[str, object]:
    if options.precision not in _HINTS:
        raise BackendError(f"openvino cannot compute in {options.precision!r} (it can in: {', '.join(_HINTS)})")
    return {
        "INFERENCE_NUM_THREADS": options.threads,
        "PERFORMANCE_HINT": "LATENCY",
        # pinned, two models of one thread each would share the first CPU and leave the second idle
        "ENABLE_CPU_PINNING": options.threads > 1,
        "INFERENCE_PRECISION_HINT": _HINTS[options.precision],
    }


def _key(ov: Any, model: Path, options: LoadOptions) -> str:
    cpu = [_core().get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    try:
        content = identity_of(parts_of(model))
    except InputError as error:
        raise BackendError(f"openvino cannot compile a model: {error}") from error
    parts = (content, msgspec.json.encode(options), ov.__version__, platform.machine(), cpu)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _spec(port: Any, name: str) -> TensorSpec:
    dtype = np.dtype(port.get_element_type().to_dtype()).name
    if dtype not in _DTYPES:
        raise BackendError(f"tensor {name!r} is {dtype}; expected one of: {', '.join(sorted(_DTYPES))}")
    shape = tuple(None if size.is_dynamic else size.get_length() for size in port.get_partial_shape())
    return msgspec.convert({"name": name, "dtype": dtype, "shape": shape}, TensorSpec)


def _output_name(port: Any) -> str:
    # an output that merely passes another tensor on carries both names, and any_name may be the wrong one
    name = str(port.get_node().get_friendly_name()).removesuffix(_RESULT)
    return name if name in port.get_names() else str(port.get_any_name())


_SAYS_NOTHING = "Exception from", "Check ", "FrontEnd API", "Model wasn't fully converted", "Summary:"


def _reason(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(_SAYS_NOTHING)]
    return (told or lines or ["no reason given"])[0].strip(" -")
