"""Sums of products of bytes: exactly, and with each pair saturated to int16."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.tensors import Array

LOWEST, HIGHEST = -(1 << 15), (1 << 15) - 1
"""What an int16 can hold."""
BYTE = 255
"""The largest unsigned factor."""
_EXACT_IN_FLOAT = 1 << 24
"""Up to this float32 holds every integer."""


@dataclass(frozen=True)
class Saturation:
    """What saturation does to one product of matrices."""

    correction: NDArray[np.int32]
    """What it adds to the exact sums, ``(outputs, columns)``."""
    saturated: int
    """How many of the sums of two products did not fit."""
    sums: int
    """How many sums of two products there are."""

    @property
    def largest_error(self) -> int:
        """Largest change of a sum, in units of the integer products."""
        return int(np.abs(self.correction).max(initial=0))


@dataclass(frozen=True)
class Pair:
    """Two neighbours along K, and the outputs whose weights there could saturate."""

    at: int
    """Place of the first along K."""
    outputs: NDArray[np.intp]
    first: NDArray[np.int32]
    """Weights of these outputs at the first place, ``(outputs, 1)``."""
    second: NDArray[np.int32]
    """At the second; zero where K is odd and ends."""


def exact_product(weight: Array, columns: Array) -> NDArray[np.int64]:
    """``weight @ columns`` of integers of at most 8 bits and a sign, ``(…, outputs, K) @ (…, K, columns)``."""
    total = np.zeros((*weight.shape[:-1], columns.shape[-1]), np.int64)
    at_once = _EXACT_IN_FLOAT // max(_largest(weight) * _largest(columns), 1)
    for start in range(0, weight.shape[-1], at_once):
        part = slice(start, start + at_once)
        left, right = weight[..., part].astype(np.float32), columns[..., part, :].astype(np.float32)
        total += (left @ right).astype(np.int64)
    return total


def _largest(values: Array) -> int:
    """The largest absolute value, also of int8, which cannot hold that of its lowest."""
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))


def can_saturate(first: Array, second: Array) -> NDArray[np.bool_]:
    """Whether bytes exist for which ``x0 * first + x1 * second`` does not fit an int16, elementwise."""
    first, second = first.astype(np.int32), second.astype(np.int32)
    highest = BYTE * (np.maximum(first, 0) + np.maximum(second, 0))
    lowest = BYTE * (np.minimum(first, 0) + np.minimum(second, 0))
    fits: NDArray[np.bool_] = (highest <= HIGHEST) & (lowest >= LOWEST)
    return ~fits


def neighbours(weight: Array) -> tuple[Array, Array]:
    """The first and the second weights of every pair along K, ``(outputs, ceil(K / 2))`` each; zero beyond the end."""
    padded = np.pad(weight, ((0, 0), (0, weight.shape[1] % 2)))
    return padded[:, 0::2], padded[:, 1::2]


def risky_pairs(weight: Array) -> tuple[Pair, ...]:
    """Every pair along K where some output could saturate; mostly few, because both weights must be large.

    Args:
        weight: int8 ``(outputs, K)``.
    """
    first, second = neighbours(weight)
    return tuple(_pairs(first.astype(np.int32), second.astype(np.int32), can_saturate(first, second)))


def _pairs(first: NDArray[np.int32], second: NDArray[np.int32], risky: NDArray[np.bool_]) -> Iterator[Pair]:
    for place in np.flatnonzero(risky.any(0)):
        outputs = np.flatnonzero(risky[:, place])
        yield Pair(2 * int(place), outputs, first[outputs, place, None], second[outputs, place, None])


def saturation(pairs: tuple[Pair, ...], outputs: int, columns: Array) -> Saturation:
    """What ``vpmaddubsw`` changes: sums of two neighbouring products are cut to int16 before they are added up.

    Args:
        pairs: of the weight, from :func:`risky_pairs`.
        outputs: rows of the weight.
        columns: uint8 ``(K, columns)``, as stored, with its zero point in it.
    """
    correction, saturated = np.zeros((outputs, columns.shape[1]), np.int32), 0
    beyond = np.zeros(columns.shape[1], np.int32)
    peaks = np.append(columns.max(1, initial=0).astype(np.int32), 0)
    for pair in pairs:
        reach = peaks[pair.at] * np.abs(pair.first) + peaks[pair.at + 1] * np.abs(pair.second)
        if reach.max() <= HIGHEST:
            continue
        second = columns[pair.at + 1].astype(np.int32) if pair.at + 1 < len(columns) else beyond
        sums = pair.first * columns[pair.at].astype(np.int32) + pair.second * second
        lost = np.clip(sums, LOWEST, HIGHEST) - sums
        correction[pair.outputs] += lost
        saturated += int(np.count_nonzero(lost))
    return Saturation(correction, saturated, correction.size * ((len(columns) + 1) // 2))
