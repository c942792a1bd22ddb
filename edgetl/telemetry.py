"""What sensors said while something ran. Unknown is ``None`` with a reason, never 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

Quantity = Literal["power", "energy", "temperature", "frequency", "throttle-count", "throttle-state"]
"""In watts, joules since some moment, degrees Celsius, hertz, events since some moment, and 0 or 1."""


class Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that one sensor tells."""

    sensor: str
    """Entry of :data:`edgetl.plugins.SENSORS`."""
    name: str
    """The sensor's own word: a rail, a thermal zone, a CPU, a counter."""
    quantity: Quantity
    is_total: bool = False
    """Whether this power or energy is that of the whole device (or package). Where nothing tells it at once, all that
    add up to it are marked; other rails may overlap and are never summed blindly."""
    is_supply: bool = False
    """Whether this throttling is the fault of a weak power supply, not of heat or of what the device draws."""


class Series(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a channel said over time."""

    channel: Channel
    times_ns: tuple[int, ...]
    """On the clock that samples are taken with (``CLOCK_MONOTONIC``)."""
    values: tuple[float | None, ...]
    """``None`` where a reading failed."""


class Missing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sensor that says nothing here, and why."""

    sensor: str
    reason: str


class Telemetry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the sensors said during a run."""

    period_ns: int
    series: tuple[Series, ...] = ()
    missing: tuple[Missing, ...] = ()


class Energy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an inference costs; every ``None`` is explained by ``reason``. Of a batch, joules are per item of it."""

    source: str | None
    """Sensor and channels that the total is made of."""
    idle_w: float | None
    active_w: float | None
    per_inference_j: float | None
    net_per_inference_j: float | None
    """Without what the device draws when idle."""
    readings: int
    reason: str | None = None
    windows_ns: tuple[tuple[int, int], ...] = ()
    """When the candidate ran alone for this, on the clock of the readings; latency has no sample from then."""
    items: int | None = None
    """Done in these windows."""


class Source(Protocol):
    """One opened sensor: read it as often as you like."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What every reading holds, in this order."""

    def read(self) -> Sequence[float | None]:
        """One value per channel, now; ``None`` where one cannot be read at the moment."""

    def close(self) -> None:
        """Give back what is open; may be called twice."""


class Sensor(Protocol):
    """A kind of sensor."""

    name: str

    def open(self, root: str = "/") -> Source | Missing:
        """The sensor of this device, or why there is none.

        Args:
            root: where ``proc`` and ``sys`` are; another tree in tests.
        """
