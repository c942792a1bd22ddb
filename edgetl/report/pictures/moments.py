"""When each sample was taken, and when a device slowed itself down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.result import CandidateResult, Latency
from edgetl.scenario import Scenario
from edgetl.telemetry import Series, Telemetry

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Throttling:
    """A moment at which a sensor said that the device slowed itself down."""

    at_ns: int
    sensor: str
    name: str


def sample_times(candidate: CandidateResult, scenario: Scenario | None) -> Array | None:
    """The start of each sample of ``candidate.latency``, ns on the clock of its blocks.

    Back to back, a sample ends where the next one begins, or the inferences before that which were not timed; with a
    rate, inferences are taken to end evenly up to the end of their block, which is wrong by the gaps of a few at most.
    Where it is not known when blocks ended, every inference is taken to have been timed. ``None`` when it is not known
    when they began.
    """
    latency = candidate.latency
    if latency is None or not _is_timed(latency):
        return None
    rate = scenario.rate_hz if scenario is not None else None
    samples = np.asarray(latency.samples_ns, np.float64)
    work = samples if candidate.service is None else np.asarray(candidate.service.samples_ns, np.float64)
    ends = block_ends(latency)
    parts = []
    for place, (last, length) in enumerate(zip(np.cumsum(latency.blocks), latency.blocks, strict=True)):
        of_block = slice(last - length, last)
        wall_ns = None if ends is None else float(ends[place] - latency.block_starts_ns[place])
        parts.append(latency.block_starts_ns[place] + _offsets(work[of_block], wall_ns, rate))
    return np.concatenate(parts)


def block_ends(latency: Latency) -> tuple[int, ...] | None:
    """When blocks ended; ``None`` when it is not known, or contradicts their beginning."""
    starts, ends = latency.block_starts_ns, latency.block_ends_ns
    is_fit = len(starts) == len(ends) and all(end >= start for start, end in zip(starts, ends, strict=True))
    return ends if ends and is_fit else None


def _offsets(work_ns: Array, wall_ns: float | None, rate_hz: float | None) -> Array:
    """From the start of a block to that of each of its inferences, whose work took so long."""
    count = len(work_ns)
    if rate_hz is not None and wall_ns is None:
        return np.arange(count, dtype=np.float64) * (1e9 / rate_hz)
    ends: Array = np.arange(1, count + 1, dtype=np.float64) if rate_hz is not None else np.cumsum(work_ns)
    if wall_ns is not None and count and ends[-1] > 0:
        ends = ends * (wall_ns / float(ends[-1]))
    starts: Array = np.maximum(ends - work_ns, 0.0)
    return starts


def throttlings(telemetry: Telemetry | None) -> tuple[Throttling, ...]:
    """Every rise of a throttle counter or state, in time order."""
    series = telemetry.series if telemetry is not None else ()
    found = [event for one in series if one.channel.quantity.startswith("throttle") for event in _rises(one)]
    return tuple(sorted(found, key=lambda event: event.at_ns))


def _rises(series: Series) -> Iterator[Throttling]:
    """A counter is compared with its last known value; a state that is on from the start has risen, too."""
    before = 0.0 if series.channel.quantity == "throttle-state" else None
    for at_ns, value in zip(series.times_ns, series.values, strict=False):
        if value is None:
            continue
        if before is not None and value > before:
            yield Throttling(at_ns, series.channel.sensor, series.channel.name)
        before = value


def _is_timed(latency: Latency) -> bool:
    starts, blocks = latency.block_starts_ns, latency.blocks
    return 0 < len(starts) == len(blocks) and sum(blocks) == len(latency.samples_ns)
