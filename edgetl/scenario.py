"""How load arrives while a model is timed, in the words of MLPerf LoadGen."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgetl.errors import InputError

ScenarioKind = Literal["single-stream", "multi-stream", "server", "offline", "periodic"]
Backlog = Literal["queue", "drop"]
RATE_MAX_HZ = 1e5
"""One in every 10 microseconds, of which a harness takes some to begin one, or to drop it."""

_PACED = frozenset({"server", "periodic"})
_PARALLEL = frozenset({"multi-stream", "offline"})


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When each inference is due.

    ``single-stream``: the next one as soon as the last is done. ``multi-stream``: ``streams`` inputs at once, the next
    ones when all are done; latency is that of the slowest. ``server``: independent requests, ``rate_hz`` a second on
    average (a Poisson process). ``periodic``: one every ``1 / rate_hz`` seconds, as frames from a camera. ``offline``:
    everything is there at the start, for ``streams`` runners; only throughput counts.

    Of a scenario with a rate, latency counts from the moment an inference was due, not from when it was begun: what
    waits for a slow one before it is late, too.
    """

    kind: ScenarioKind = "single-stream"
    rate_hz: float | None = None
    streams: int = 1
    deadline_ns: int | None = None
    """After which an inference is late; the period of ``periodic`` when none is given."""
    backlog: Backlog = "queue"
    """What becomes of an inference that is due while another runs: it waits, or it is dropped and counted."""
    seed: int = 0
    """Of arrival times."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.is_paced and (self.rate_hz is None or not 0 < self.rate_hz < float("inf")):
            raise InputError(f"scenario {self.kind!r} needs a rate in inferences per second above 0; give --rate")
        if self.rate_hz is not None and self.rate_hz > RATE_MAX_HZ:
            raise InputError(
                f"a rate of {self.rate_hz:g} inferences a second is more than can be begun (at most "
                f"{RATE_MAX_HZ:,.0f}); lower --rate"
            )
        if not self.is_paced and self.rate_hz is not None:
            raise InputError(f"scenario {self.kind!r} has no rate; leave --rate out, or choose periodic or server")
        if self.streams < 1 or (self.streams > 1 and self.kind not in _PARALLEL):
            raise InputError(
                f"{self.streams} streams do not fit scenario {self.kind!r}; choose multi-stream or offline"
            )
        if self.deadline_ns is not None and self.deadline_ns <= 0:
            raise InputError(f"a deadline of {self.deadline_ns} ns cannot be met; give a time above 0")

    @property
    def is_paced(self) -> bool:
        """Whether inferences are due at times of their own."""
        return self.kind in _PACED

    @property
    def limit_ns(self) -> int | None:
        """After which an inference counts as late, if anything does."""
        if self.deadline_ns is None and self.kind == "periodic" and self.rate_hz is not None:
            return round(1e9 / self.rate_hz)
        return self.deadline_ns


SINGLE_STREAM = Scenario()
"""Back to back: the best case, as clocks never fall between inferences."""
