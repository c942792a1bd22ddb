"""What happens once: importing the runtime, build, load and first inference, in fresh processes.

``python -m edgetl.device.bench.cold`` reads one request as JSON and writes one :class:`edgetl.result.Cold`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec

from edgetl.device.bench.child import child_environment
from edgetl.device.feeds import zeros
from edgetl.device.kernel.files import numbers, read
from edgetl.errors import BackendError, EdgeTLError
from edgetl.plugins import BACKENDS, find
from edgetl.progress import Progress
from edgetl.result import Cold
from edgetl.runner import Backend, LoadOptions

T = TypeVar("T")
_TIMEOUT_S, _NEWS_S = 3600.0, 30.0
"""Building an engine takes tens of minutes on slow boards."""
Waiting: TypeAlias = Callable[[float], None]
"""Hears every half minute for how many seconds a start has lasted."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the fresh process is to start."""

    runtime: str
    model: str
    options: LoadOptions
    cache: str


def measure_cold(runtime: str, model: Path, options: LoadOptions, waiting: Waiting | None = None) -> Cold:
    """Start a model twice, each time in a fresh process: first with nothing built, then with what that built.

    ``build_ns`` is of the first start, the rest of the second, which is what every later start of a device is like;
    its ``load_ns`` is everything from an imported runtime until the model is ready, finding what was built included.

    Raises:
        BackendError: a start failed, and quotes the end of its error output, or took more than an hour.
    """
    with (
        tempfile.TemporaryDirectory(prefix="edgetl-cold-") as cache,
        tempfile.TemporaryDirectory(prefix="edgetl-empty-") as empty,
    ):
        request = Request(runtime, str(model.resolve()), options, cache)
        built = _start(request, empty, waiting)
        started = _start(request, empty, waiting)
    return msgspec.structs.replace(started, build_ns=built.build_ns, load_ns=started.build_ns + started.load_ns)


def _start(request: Request, empty: str, waiting: Waiting | None) -> Cold:
    """Start the child in an empty folder: ``python -m`` imports from where it stands first, whatever lies there."""
    name = f"a cold start of {request.model!r} on {request.runtime}"
    with subprocess.Popen(
        (sys.executable, "-m", "edgetl.device.bench.cold"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_environment(),
        cwd=empty,
    ) as child:
        try:
            answer, errors = _communicate(child, msgspec.json.encode(request), waiting)
        except subprocess.TimeoutExpired as error:
            raise BackendError(
                f"{name} took more than {_TIMEOUT_S / 60:.0f} minutes; choose another runtime with --runtime, or a "
                "smaller model, or give the board more power and cooling"
            ) from error
        finally:
            # nothing where it has ended; else neither an engine nor a test may go on being built
            child.kill()
    if child.returncode != 0:
        tail = " | ".join(errors.decode(errors="replace").strip().splitlines()[-3:])
        raise BackendError(f"{name} failed with exit code {child.returncode}: {tail or 'no error output'}")
    return msgspec.json.decode(answer, type=Cold)


def _communicate(child: subprocess.Popen[bytes], request: bytes, waiting: Waiting | None) -> tuple[bytes, bytes]:
    """What it wrote to its output and its error output.

    Raises:
        TimeoutExpired: it has not ended.
    """
    began_s = time.monotonic()
    given: bytes | None = request
    while True:
        try:
            return child.communicate(given, timeout=min(_NEWS_S, _TIMEOUT_S))
        except subprocess.TimeoutExpired:
            lasted_s = time.monotonic() - began_s
            if lasted_s >= _TIMEOUT_S:
                raise
            given = None  # it may be given once
            if waiting is not None:
                waiting(lasted_s)


def still_starting(name: str, progress: Progress) -> Waiting:
    """Tells people that a candidate is still being started, and why that may take long."""
    return lambda lasted_s: progress.note(
        f"{name} has been starting for {lasted_s:.0f} s; building an engine takes long on small boards"
    )


def _main() -> int:
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    # a runtime may write to stdout; the answer must stay alone there
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        cold = _measure(request)
    except EdgeTLError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    os.write(answer, msgspec.json.encode(cold))
    return 0


def _measure(request: Request) -> Cold:
    backend: Backend = find(BACKENDS, request.runtime, "runtime")
    _, import_ns = _timed(backend.import_runtime)
    built, build_ns = _timed(lambda: backend.build(Path(request.model), request.options, Path(request.cache)))
    runner, load_ns = _timed(lambda: backend.load(built, request.options))
    feeds = zeros(runner.inputs, request.options.batch or 1)
    _, first_ns = _timed(lambda: runner.infer(feeds))
    return Cold(build_ns, load_ns, first_ns, _peak_rss_bytes(), import_ns)


def _timed(call: Callable[[], T]) -> tuple[T, int]:
    start = time.perf_counter_ns()
    value = call()
    return value, time.perf_counter_ns() - start


def _peak_rss_bytes() -> int | None:
    """Of this process since it began (``getrusage`` would include the parent's before exec)."""
    kibibytes = numbers(read(Path("/proc/self/status"))).get("VmHWM")
    return None if kibibytes is None else kibibytes * 1024


if __name__ == "__main__":
    sys.exit(_main())
