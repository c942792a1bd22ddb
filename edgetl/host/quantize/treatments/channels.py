"""What the channels of a tensor held on samples: all of them, and each half, to judge by the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from edgetl.errors import DataError
from edgetl.host.quantize.activations import activations
from edgetl.tensors import Array, Feed

_ROWS = 4
"""Of each sample that are kept, to see what the other samples' ranges cut off."""
_KEPT = 1024
"""Of all samples."""


@dataclass(frozen=True)
class Held:
    """What a tensor held on some samples, by channel."""

    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    count: int
    total: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Array) -> Held:
        """Of values ``(n, channels)``."""
        values = rows.astype(np.float64)
        return cls(values.min(0), values.max(0), len(values), values.sum(0), np.square(values).sum(0))

    def __or__(self, other: Held) -> Held:
        return Held(
            np.minimum(self.lowest, other.lowest),
            np.maximum(self.highest, other.highest),
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
        )

    @property
    def variance(self) -> NDArray[np.float64]:
        """Around its mean, which biases take up what rounding loses of."""
        return np.maximum(self.squares / self.count - np.square(self.total / self.count), 0)

    @property
    def sizes(self) -> NDArray[np.float64]:
        """Largest absolute values."""
        sizes: NDArray[np.float64] = np.maximum(np.abs(self.lowest), np.abs(self.highest))
        return sizes

    def over(self, factors: NDArray[np.float64]) -> tuple[float, float]:
        """Range of the whole tensor, divided; with zero in it."""
        return min((self.lowest / factors).min(), 0.0), max((self.highest / factors).max(), 0.0)


@dataclass(frozen=True)
class Channels:
    """What a tensor held on the samples, by channel."""

    seen: Held
    halves: tuple[tuple[Held, Array], tuple[Held, Array]]
    """What it held on every other sample, and on the rest, with some rows of each, ``(n, channels)``."""


class _Tally:
    """Gathers what a tensor holds, sample by sample."""

    def __init__(self) -> None:
        self.samples, self.kept = 0, 0
        self.halves: list[Held | None] = [None, None]
        self.rows: tuple[list[Array], list[Array]] = ([], [])

    def add(self, values: Array) -> None:
        rows, half = values.reshape(-1, values.shape[-1]), self.samples % 2
        before, here = self.halves[half], Held.of(rows)
        self.halves[half] = here if before is None else before | here
        self.samples += 1
        if self.kept < _KEPT:
            some = rows[:: max(len(rows) // _ROWS, 1)][:_ROWS]
            self.rows[half].append(some.copy())
            self.kept += len(some)

    def channels(self) -> Channels:
        one, two = self.halves
        assert one is not None, "a tally is of one sample at least"
        first = np.concatenate(self.rows[0])
        if two is None:
            return Channels(one, ((one, first), (one, first)))
        return Channels(one | two, ((one, first), (two, np.concatenate(self.rows[1]))))


def channels_of(
    graph: onnx.ModelProto, names: tuple[str, ...], samples: Iterable[Feed], threads: int
) -> dict[str, Channels]:
    """Of tensors of a graph, their last axis.

    Raises:
        DataError: no samples.
    """
    tallies: dict[str, _Tally] = {}
    for tensors in activations(graph, names, samples, threads):
        for name, values in tensors.items():
            tallies.setdefault(name, _Tally()).add(values)
    if names and not tallies:
        raise DataError("treatment 'smooth' got no samples; give it those of the calibration")
    return {name: tally.channels() for name, tally in tallies.items()}
