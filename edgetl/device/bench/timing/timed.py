"""What timing found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import add

from edgetl.device.bench.timing.subject import SECOND
from edgetl.measurement import SUPPORT, Scope, percentile
from edgetl.result import Latency, Percentile
from edgetl.samples.support import interval, upper_bound


@dataclass(frozen=True)
class Timed:
    """Every sample of one subject, in time order."""

    samples_ns: tuple[int, ...]
    """Of a scenario with a rate, from the moment an inference was due; empty where only throughput counts."""
    blocks: tuple[int, ...]
    """Length of each block, in order."""
    warmup: int
    """Calls that are not among the samples."""
    steady: bool
    """Whether latency had settled before measuring began."""
    block_starts_ns: tuple[int, ...] = ()
    """When each block began, on the clock of the run."""
    block_walls_ns: tuple[int, ...] = ()
    """Time from the beginning of each block to its end."""
    block_items: tuple[int, ...] = ()
    """Inferences done in each block, whether timed or not."""
    service_ns: tuple[int, ...] = ()
    """Of a scenario with a rate: time of the work itself, one for each sample."""
    late: int | None = None
    """Of a scenario with a rate and a limit: inferences that took longer, whether timed or not."""
    dropped: int | None = None
    """Of a scenario with a rate: inferences that were not begun, because another ran."""
    backlogs: tuple[int, ...] = ()
    """Of a scenario with a rate: inferences that were due and not begun when each block ended."""
    is_cut_short: bool = False
    """Of a scenario with a rate: whether the queue grew so long that the run was ended early; it may be longer."""
    late_start_p99_ns: int | None = None
    """Of a scenario with a rate: how much later than it could an inference began; nearest-rank 99th percentile."""

    @property
    def wall_ns(self) -> int:
        """Time of all blocks together."""
        return sum(self.block_walls_ns)


def latency(timed: Timed, scope: Scope) -> Latency:
    """Samples with the percentiles that their number supports."""
    return _latency(timed, timed.samples_ns, scope)


def joined(first: Timed, second: Timed) -> Timed:
    """One run without a rate, and more of the same, as one."""
    return Timed(
        samples_ns=first.samples_ns + second.samples_ns,
        blocks=first.blocks + second.blocks,
        warmup=first.warmup + second.warmup,
        steady=first.steady,
        block_starts_ns=first.block_starts_ns + second.block_starts_ns,
        block_walls_ns=first.block_walls_ns + second.block_walls_ns,
        block_items=first.block_items + second.block_items,
    )


def service(timed: Timed, scope: Scope) -> Latency | None:
    """Time of the work itself, where latency counts from when an inference was due; ``None`` where it does not."""
    return _latency(timed, timed.service_ns, scope) if timed.service_ns else None


def throughput_per_s(timed: Timed) -> float | None:
    """Inferences by wall time of the blocks; ``None`` where no block was recorded."""
    return SECOND * sum(timed.block_items) / timed.wall_ns if timed.wall_ns > 0 else None


def _latency(timed: Timed, samples: tuple[int, ...], scope: Scope) -> Latency:
    known = {one.percent: one for one in _percentiles(samples)}

    def supported(percent: float) -> int | None:
        return known[percent].value_ns if percent in known else None

    return Latency(
        scope=scope,
        n=len(samples),
        p50_ns=supported(50.0),
        p90_ns=supported(90.0),
        p95_ns=supported(95.0),
        p99_ns=supported(99.0),
        p999_ns=supported(99.9),
        min_ns=min(samples),
        max_ns=max(samples),
        warmup=timed.warmup,
        steady=timed.steady,
        samples_ns=samples,
        blocks=timed.blocks,
        block_starts_ns=timed.block_starts_ns,
        block_ends_ns=tuple(map(add, timed.block_starts_ns, timed.block_walls_ns)),
        percentiles=tuple(known.values()),
    )


def _percentiles(samples: tuple[int, ...]) -> Iterator[Percentile]:
    ordered = sorted(samples)
    for percent in SUPPORT:
        bound = upper_bound(ordered, percent)
        if bound is not None:
            low, high = interval(ordered, percent)
            yield Percentile(percent, percentile(ordered, percent), low, high, bound)
