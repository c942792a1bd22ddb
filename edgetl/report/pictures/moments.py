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

    Back to back, a sample begins where the one before it ended; with a rate, samples are spread evenly at that rate.
    ``None`` when it is not known when blocks began.
    """
    latency = candidate.latency
    if latency is None or not _is_timed(latency):
        return None
    rate = scenario.rate_hz if scenario is not None else None
    samples = np.asarray(latency.samples_ns, np.float64)
    ends = np.cumsum(latency.blocks)
    parts = []
    for start_ns, end, length in zip(latency.block_starts_ns, ends, latency.blocks, strict=True):
        if rate is not None:
            offsets = np.arange(length) * (1e9 / rate)
        else:
            offsets = np.cumsum(samples[end - length : end]) - samples[end - length : end]
        parts.append(start_ns + offsets)
    return np.concatenate(parts)


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
