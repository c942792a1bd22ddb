"""What the harness itself adds to each sample."""

from __future__ import annotations

import statistics

from edgetl.device.bench.scenarios.streams import at_once
from edgetl.device.bench.timing import Clock, rotating
from edgetl.device.bench.timing.warm_up import time_calls
from edgetl.validity import Finding

_SAMPLES = 1001
_SHARE_MAX = 0.01


def overhead_ns(clock: Clock, streams: int = 1) -> float:
    """Median of an empty subject's samples: two readings of the clock, a call, and starting the other streams.

    The median, because a machine that does other work stretches some of them a thousandfold.
    """
    empty = [rotating(_nothing, (None,)) for _ in range(streams)]
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


def _nothing(argument: object) -> None:
    """As fast as a call can be."""
