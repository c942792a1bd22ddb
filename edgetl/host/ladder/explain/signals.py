"""Signal and noise of every layer: both graphs on the same samples, one at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from edgetl.explanation import COARSE, Channels, Grid, Seen
from edgetl.host.ladder.explain.places import Place
from edgetl.host.quantize.activations import activations
from edgetl.tensors import Array, Feed


@dataclass(frozen=True)
class Signal:
    """What was measured of one place; reasons are by the field's name."""

    seen: Seen
    channels: Channels | None
    rounding_sqnr_db: float | None
    clipped: float | None
    weights_sqnr_db: float | None
    sqnr_db: float | None
    unknown: dict[str, str]


def signals(
    original: onnx.ModelProto,
    quantized: onnx.ModelProto,
    found: Sequence[Place],
    samples: Sequence[Feed],
    threads: int,
) -> dict[str, Signal]:
    """Measure every place on the samples, by the names of their nodes.

    Nothing is kept of a sample but sums and extremes, so memory is that of one sample's activations in both graphs.

    Args:
        original: the float graph.
        quantized: what was made of it.
        found: places of both.
        samples: what both take for each, at least one.
        threads: of the runtime.
    """
    sums = {place.node.name: _Sums(place) for place in found}
    names = tuple(dict.fromkeys(place.tensor for place in found))
    others = tuple(dict.fromkeys(place.quantized for place in found if place.quantized is not None))
    pairs = zip(
        activations(original, names, samples, threads), activations(quantized, others, samples, threads), strict=True
    )
    for wanted, got in pairs:
        for one in sums.values():
            one.add(wanted[one.place.tensor], None if one.place.quantized is None else got[one.place.quantized])
    return {name: one.signal() for name, one in sums.items()}


class _Sums:
    """Sums of squares and extremes of one place over samples."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._values = 0
        self._signal = self._noise = self._rounding = self._beyond = 0.0
        self._low: NDArray[np.float64] | None = None
        self._high: NDArray[np.float64] | None = None
        self._missing = place.missing

    def add(self, wanted: Array, got: Array | None) -> None:
        """Count one sample."""
        self._values += wanted.size
        self._signal += _energy(wanted)
        self._extremes(wanted)
        if self.place.grid is not None:
            self._round(wanted, self.place.grid)
        if got is not None and got.shape != wanted.shape:
            self._missing = "its result has another shape in the quantized graph"
        elif got is not None:
            self._noise += _energy(wanted.astype(np.float64) - got)

    def signal(self) -> Signal:
        """Everything that follows from the sums."""
        low, high = self._low, self._high
        assert low is not None
        assert high is not None
        unknown: dict[str, str] = {}
        grid, weights = self.place.grid, self.place.weights
        channels = None if grid is None else _channels(low, high, grid)
        rounding = sqnr = factors = None
        if grid is None:
            unknown |= dict.fromkeys(("grid", "channels", "rounding_sqnr_db", "clipped"), "its result is not quantized")
        else:
            unknown |= {} if channels else {"channels": "it has no channels that vary"}
            unknown |= {} if self._rounding > 0 else {"clipped": "rounding it costs nothing"}
            rounding = _told("rounding_sqnr_db", self._signal, self._rounding, unknown)
        if weights is None:
            unknown["weights_sqnr_db"] = "it has no quantized weights"
        else:
            noise = _energy(weights.wanted - weights.got)
            factors = _told("weights_sqnr_db", _energy(weights.wanted), noise, unknown)
        if self._missing:
            unknown["sqnr_db"] = self._missing
        else:
            sqnr = _told("sqnr_db", self._signal, self._noise, unknown)
        seen = Seen(float(low.min()), float(high.max()), math.sqrt(self._signal / max(self._values, 1)))
        clipped = self._beyond / self._rounding if grid is not None and self._rounding > 0 else None
        return Signal(seen, channels, rounding, clipped, factors, sqnr, unknown)

    def _extremes(self, wanted: Array) -> None:
        axes = tuple(axis for axis in range(wanted.ndim) if axis != _channel_axis(wanted))
        low, high = wanted.min(axes).astype(np.float64), wanted.max(axes).astype(np.float64)
        if self._low is None or self._high is None:
            self._low, self._high = low, high
        elif low.shape == self._low.shape:
            self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)
        else:
            # not channels: samples have different lengths there, as in products of attention
            self._low = np.asarray(min(self._low.min(), low.min()))
            self._high = np.asarray(max(self._high.max(), high.max()))

    def _round(self, wanted: Array, grid: Grid) -> None:
        kept = np.clip(wanted.astype(np.float64), grid.low, grid.high)
        self._beyond += _energy(wanted - kept)
        self._rounding += _energy(wanted - (grid.low + np.rint((kept - grid.low) / grid.scale) * grid.scale))


def _channel_axis(values: Array) -> int:
    """1 in images, the last in sequences and vectors."""
    return 1 if values.ndim == 4 else values.ndim - 1


def _channels(low: NDArray[np.float64], high: NDArray[np.float64], grid: Grid) -> Channels | None:
    widths = high - low
    if not widths.ndim or not np.any(widths > 0):
        return None
    widths = widths[widths > 0]
    return Channels(len(widths), float(widths.max() / widths.min()), int((widths < COARSE * grid.scale).sum()))


def _energy(values: Array) -> float:
    return float(np.sum(np.square(values, dtype=np.float64)))


def _told(field: str, signal: float, noise: float, unknown: dict[str, str]) -> float | None:
    """Ten times the logarithm of the ratio; where it has none, why is noted under the field's name."""
    if signal > 0 and 0 < noise < math.inf:
        return 10 * math.log10(signal / noise)
    if signal <= 0:
        unknown[field] = "it is zero"
    else:
        unknown[field] = "nothing is lost" if noise == 0 else "its noise is not finite"
    return None
