"""Pictures that look alike, found without comparing each with each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

MAX_DISTANCE = 4
"""Bits of 64 in which the fingerprints of near-duplicates differ at most."""
_BYTES = 8
_NEIGHBOURS = 16
"""Of a picture with more near-duplicates, a few are enough to know."""
_STEPS = 128
"""Pictures that agree in half of their bits and are compared with each other."""
_BITS = np.array([byte.bit_count() for byte in range(256)], np.uint8)
Ints: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """Which pictures look alike; equal fingerprints share a node, near ones are joined by a pair of nodes."""

    node: Ints
    """Of each picture, ``(n,)``; -1 where it has no fingerprint."""
    pairs: Ints
    """Nodes, ``(m, 2)``."""
    distances: Ints
    """Bits in which the two of each pair differ, ``(m,)``, 1 to ``MAX_DISTANCE``."""

    def links(self) -> Iterator[tuple[int, int]]:
        """Places of pictures two by two, enough to connect all that look alike."""
        first = self._first_members()
        for place, node in enumerate(self.node.tolist()):
            if node >= 0 and first[node] != place:
                yield first[node], place
        for one, other in self.pairs.tolist():
            yield first[one], first[other]

    def across(self, part: Ints) -> NDArray[np.bool_]:
        """Whether each picture looks like one of another part; ``part`` is any number of each picture, ``(n,)``."""
        low, high = self._bounds(part)
        near_low, near_high = low.copy(), high.copy()
        for here, there in (self.pairs.T, self.pairs.T[::-1]):
            np.minimum.at(near_low, here, low[there])
            np.maximum.at(near_high, here, high[there])
        found = np.zeros(len(self.node), bool)
        has = self.node >= 0
        node = self.node[has]
        found[has] = (near_low[node] != part[has]) | (near_high[node] != part[has])
        return found

    def examples(self, part: Ints, limit: int) -> tuple[tuple[int, int, int], ...]:
        """Places of up to ``limit`` two pictures of different parts and their distance, the nearest first."""
        low, high = self._bounds(part)
        equal = np.flatnonzero(low != high)[:limit]
        order = np.argsort(self.distances, kind="stable")
        one, other = self.pairs[order].T
        order = order[np.minimum(low[one], low[other]) != np.maximum(high[one], high[other])][:limit]
        candidates = [(node, node, 0) for node in equal.tolist()]
        candidates += [(*self.pairs[at].tolist(), int(self.distances[at])) for at in order.tolist()]
        return tuple((*self._apart(one, other, part), distance) for one, other, distance in candidates[:limit])

    def _apart(self, one: int, other: int, part: Ints) -> tuple[int, int]:
        """A picture of each node, from different parts."""
        ones, others = np.flatnonzero(self.node == one), np.flatnonzero(self.node == other)
        ends = ((a, b) for a in _extremes(ones, part) for b in _extremes(others, part))
        return next((a, b) for a, b in ends if part[a] != part[b])

    def _first_members(self) -> list[int]:
        """The first picture of each node."""
        nodes, first = np.unique(self.node, return_index=True)
        return [int(place) for place in first[nodes >= 0]]

    def _bounds(self, part: Ints) -> tuple[Ints, Ints]:
        """The lowest and the highest part in each node."""
        has = self.node >= 0
        count = int(self.node.max(initial=-1)) + 1
        limits = np.iinfo(np.int64)
        low, high = np.full(count, limits.max), np.full(count, limits.min)
        np.minimum.at(low, self.node[has], part[has])
        np.maximum.at(high, self.node[has], part[has])
        return low, high


def near_duplicates(fingerprints: Sequence[int | None]) -> NearDuplicates:
    """Find the pictures whose fingerprints differ in at most ``MAX_DISTANCE`` bits.

    Two numbers of eight bytes that differ in at most four bits agree in at least four whole bytes. So the numbers are
    sorted once for each choice of four bytes, and only those are compared that agree there. Nothing is missed but in
    crowds: of a picture with more than 16 near-duplicates at least 16 are found, and of those that share the same four
    bytes with more than 128 others only neighbours are compared, so that the work stays linear.

    References:
        G. Manku, A. Jain, A. Das Sarma, "Detecting near-duplicates for web crawling", WWW 2007.
    """
    node = np.full(len(fingerprints), -1, np.int64)
    has = np.array([value is not None for value in fingerprints], bool)
    values = np.array([value for value in fingerprints if value is not None], np.uint64)
    distinct, node[has] = np.unique(values, return_inverse=True)
    codes = np.zeros(0, np.int64)
    degree = np.zeros(len(distinct), np.int64)
    for kept in itertools.combinations(range(_BYTES), _BYTES - MAX_DISTANCE):
        mask = np.uint64(sum(0xFF << (8 * place) for place in kept))
        codes = np.sort(np.concatenate((codes, *_agreeing(distinct, mask, codes, degree))))
    pairs = np.stack((codes // max(len(distinct), 1), codes % max(len(distinct), 1)), axis=1)
    return NearDuplicates(node, pairs, _distances(distinct[pairs[:, 0]], distinct[pairs[:, 1]]))


def _agreeing(distinct: NDArray[np.uint64], mask: np.uint64, known: Ints, degree: Ints) -> Iterator[Ints]:
    """New pairs of numbers that agree under ``mask``, as ``first * n + second``; counts them in ``degree``."""
    keys = distinct & mask
    order = np.argsort(keys, kind="stable")
    keys, count = keys[order], len(distinct)
    start = np.arange(count)
    for step in range(1, min(_STEPS, count)):
        start = start[: np.searchsorted(start, count - step)]
        start = start[(keys[start] == keys[start + step]) & (degree[order[start]] < _NEIGHBOURS)]
        if not len(start):
            return
        one, other = order[start], order[start + step]
        close = _distances(distinct[one], distinct[other]) <= MAX_DISTANCE
        one, other = np.minimum(one[close], other[close]), np.maximum(one[close], other[close])
        found = one * count + other
        place = np.searchsorted(known, found)
        is_new = np.append(known, -1)[place] != found
        np.add.at(degree, one[is_new], 1)
        np.add.at(degree, other[is_new], 1)
        yield found[is_new]


def _distances(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> Ints:
    """Bits in which numbers differ."""
    counts: Ints = _BITS[(one ^ other).view(np.uint8).reshape(-1, _BYTES)].sum(axis=1, dtype=np.int64)
    return counts


def _extremes(places: Ints, part: Ints) -> tuple[int, int]:
    """A place of the lowest part and one of the highest."""
    return int(places[part[places].argmin()]), int(places[part[places].argmax()])
