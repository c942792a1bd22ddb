"""What this machine reaches at best: short runs of matrix products and copies, remembered for the next time."""

from __future__ import annotations

import functools
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgetl.device.bench.gemm import INPUT, OPERATIONS, gemm_input, gemm_onnx
from edgetl.device.bench.memory_copy import Copy, copy_bytes_per_s, uncached_bytes
from edgetl.device.bench.timing import Clock
from edgetl.device.probe.cpu_time import cpu_time, share_of_others
from edgetl.device.probe.usage import slows
from edgetl.environment import Environment
from edgetl.errors import BackendError
from edgetl.files import mark_used, write_bytes
from edgetl.layers import Peak
from edgetl.machine_state import CpuTime
from edgetl.runner import Backend, LoadOptions, Runner

_LIMIT_NS, _LEAST_RUNS = 300_000_000, 3
_METHOD = 1
"""Goes up when what is measured changes, so that no old number is taken for a new one."""
_QUANTIZED = "x86-vnni"


@dataclass(frozen=True)
class Place:
    """Where peaks are measured and kept."""

    backends: Mapping[str, Backend]
    """Runtimes that are installed."""
    environment: Environment
    cache_dir: Path | None
    """``None`` measures every time."""
    root: Path = Path("/")
    clock: Clock = time.perf_counter_ns


def peaks_of(place: Place) -> Callable[[str, int], Peak | None]:
    """:func:`measured_peak` there, once for each precision and number of threads, also where nothing may be kept."""
    return functools.cache(functools.partial(measured_peak, place=place))


def measured_peak(precision: str, threads: int, place: Place) -> Peak | None:
    """The most operations a second that any runtime reaches, and the speed of memory; ``None`` without a runtime.

    A runtime takes part when it proposes the precision for this CPU. Each number takes about a second and comes from
    ``cache_dir/peaks`` when it was measured before on a machine with the same fingerprint, while others left it its
    CPUs.

    Args:
        precision: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
        threads: of the runtime, and of copying.

    Raises:
        OSError: the cache folder cannot be written to.
    """
    rates = {
        name: _remembered(
            place, [precision, name], threads, functools.partial(_gemm_rate, backend, precision, threads, place.clock)
        )
        for name, backend in place.backends.items()
        if _proposes(backend, precision, place.environment)
    }
    reached = {name: rate for name, rate in rates.items() if rate is not None}
    if not reached:
        return None
    size = uncached_bytes(place.root, place.environment.memory_bytes)
    copied = _remembered(
        place, ["copy", size], threads, functools.partial(copy_bytes_per_s, Copy(size, threads), place.clock)
    )
    if copied is None:
        return None
    best = max(reached, key=lambda name: reached[name])
    return Peak(precision, threads, reached[best], copied, best)


def _proposes(backend: Backend, precision: str, environment: Environment) -> bool:
    rendering = _QUANTIZED if precision == "int8" else "float"
    return precision in backend.precisions(rendering, environment.cpu.isa)


def _gemm_rate(backend: Backend, precision: str, threads: int, clock: Clock) -> float | None:
    """Operations a second; ``None`` when the runtime refuses the graph or the precision."""
    quantized = precision == "int8"
    with tempfile.TemporaryDirectory(prefix="edgetl-peak-") as folder:
        model = Path(folder) / "gemm.onnx"
        model.write_bytes(gemm_onnx(quantized))
        try:
            runner = backend.load(model, LoadOptions(threads=threads, precision=precision, batch=None))
            try:
                best = min(_times(runner, quantized, clock))
            finally:
                runner.close()
        except BackendError:
            return None
    return OPERATIONS / max(best, 1) * 1e9


def _times(runner: Runner, quantized: bool, clock: Clock) -> Iterator[int]:
    feeds = {INPUT: gemm_input(quantized)}
    runner.infer(feeds)  # the first prepares kernels
    start, runs = clock(), 0
    while runs < _LEAST_RUNS or clock() - start < _LIMIT_NS:
        before = clock()
        runner.infer(feeds)
        yield clock() - before
        runs += 1


def _remembered(
    place: Place, parts: list[str | int], threads: int, measure: Callable[[], float | None]
) -> float | None:
    if place.cache_dir is None:
        return measure()
    key = msgspec.json.encode([_METHOD, place.environment.fingerprint, *parts, threads])
    path = place.cache_dir / "peaks" / f"{hashlib.sha256(key).hexdigest()}.json"
    known = _known(path)
    if known is not None:
        mark_used(path)
        return known
    before = cpu_time(place.root)
    rate = measure()
    if rate is not None and not _was_busy(before, cpu_time(place.root), threads):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, msgspec.json.encode(rate))
    return rate


def _was_busy(before: CpuTime | None, after: CpuTime | None, threads: int) -> bool:
    """What other work slowed down is no peak, and must not stay one; the load average has that of this very run."""
    if before is None or after is None:
        return False
    share = share_of_others(before, after)
    return share is not None and slows(share, after.cpus, threads)


def _known(path: Path) -> float | None:
    try:
        rate = msgspec.json.decode(path.read_bytes(), type=float)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return rate if rate > 0 else None
