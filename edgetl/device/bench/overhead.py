"""What the harness itself adds to each sample."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.device.bench.scenarios.streams import at_once
from edgetl.device.bench.timing import Clock, rotating
from edgetl.device.bench.timing.warm_up import time_calls
from edgetl.device.checked_runner import CheckedRunner, idle_runner
from edgetl.runner import Runner
from edgetl.tensors import Batch
from edgetl.validity import Finding

_SAMPLES = 1001
_SHARE_MAX = 0.01
_ADAPTER_CALLS, _ADAPTER_NS = range(5, 201), 500_000_000
"""Enough for a median, and as many as half a second has time for."""


@dataclass(frozen=True)
class Added:
    """What a sample has besides the runtime's own work, in nanoseconds."""

    harness_ns: float
    adapter_ns: float | None
    """Of the backend's Python around its runtime; ``None`` where the runtime does not tell its own time."""


def added(runner: Runner, feeds: Sequence[Batch], clock: Clock, streams: int = 1) -> Added:
    """What the harness adds (:func:`overhead_ns`), and of one stream what the adapter does (:func:`adapter_ns`)."""
    harness_ns = overhead_ns(runner, feeds, clock, streams)
    return Added(harness_ns, adapter_ns(runner, feeds, clock, harness_ns) if streams == 1 else None)


def adapter_ns(runner: Runner, feeds: Sequence[Batch], clock: Clock, harness_ns: float) -> float | None:
    """Median of what a call takes beyond what its runtime says it took and what the harness adds.

    Setting inputs, copying outputs, and crossing from Python into the runtime and back.
    """
    own_ns = runner.own_ns if isinstance(runner, CheckedRunner) else None
    if own_ns is None:
        return None
    call, beyond, began = rotating(runner.infer, feeds), list[int](), clock()
    while len(beyond) < _ADAPTER_CALLS.start or (len(beyond) < _ADAPTER_CALLS.stop and clock() - began < _ADAPTER_NS):
        start = clock()
        call()
        beyond.append(clock() - start - own_ns())
    return max(0.0, statistics.median(beyond) - harness_ns)


def overhead_ns(runner: Runner, feeds: Sequence[Batch], clock: Clock, streams: int = 1) -> float:
    """What a sample has besides the backend's call: the median of a runner that does all but that.

    Two readings of the clock, taking the next input, checking it, naming the outputs, and starting the other streams.
    What a backend does in Python around its runtime is not in it: see :func:`adapter_ns`. The median, because a machine
    that does other work stretches some samples a thousandfold.

    Args:
        runner: whose inputs and outputs the measured one has.
        feeds: that it is timed with.
        clock: nanoseconds, monotonic.
        streams: inferences at once.
    """
    empty = [rotating(idle_runner(runner.inputs, runner.outputs).infer, feeds) for _ in range(streams)]
    if streams == 1:
        return statistics.median(time_calls(empty[0], _SAMPLES, clock))
    with at_once(empty) as query:
        return statistics.median(time_calls(query, _SAMPLES, clock))


def timer_pair_ns(clock: Clock) -> float:
    """Median difference of two readings of the clock, one right after the other."""
    pairs = [-(clock() - clock()) for _ in range(_SAMPLES)]
    return statistics.median(pairs)


def overhead_finding(overhead: float, median_ns: float) -> Finding | None:
    """W-OVERHEAD when ``overhead``, in nanoseconds, is more than 1 % of the median latency."""
    if overhead <= _SHARE_MAX * median_ns:
        return None
    return Finding(
        "W-OVERHEAD",
        f"the harness adds {overhead / 1e3:.2f} us to a median of {median_ns / 1e3:.2f} us "
        f"({100 * overhead / median_ns:.1f} %); time a larger batch, or compare with models of the same speed only",
        {"overhead_ns": overhead, "median_ns": median_ns},
    )
