"""Rounds of blocks: who runs when, and when it is enough."""

from __future__ import annotations

import gc
import itertools
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from edgetl.device.bench.percent import Told
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.timing.subject import SECOND

SAMPLES_MAX, _SAMPLES_MIN = 40_000, 10_000
"""Samples of a whole run, and of one of its subjects at least.

A sample takes 8 bytes while a run lasts and 40 in its result (a Python int and its place in a tuple); judging 40,000
takes about 5 MB for a moment (``benchmarks/run_memory.py``). Where a plan asks for more, one of every few inferences
is timed, and where inferences became faster than they were when that was chosen, fewer still from then on.
"""


@dataclass
class Tally:
    """Blocks of one subject so far."""

    starts_ns: list[int] = field(default_factory=list)
    walls_ns: list[int] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    samples: int = 0
    spent_ns: int = 0
    is_cut_short: bool = False
    """Whether going on would show nothing more."""

    def add(self, began_ns: int, ended_ns: int, items: int, samples: int) -> None:
        """One more block."""
        self.starts_ns.append(began_ns)
        self.walls_ns.append(ended_ns - began_ns)
        self.items.append(items)
        self.samples += samples
        self.spent_ns += ended_ns - began_ns

    def fraction_done(self, plan: Plan) -> float:
        """Of what the plan asks for, from 0 to 1."""
        if self.is_cut_short:
            return 1.0
        spent_s = self.spent_ns / SECOND
        parts = [self.samples / max(plan.min_samples, 1), len(self.walls_ns) / max(plan.min_blocks, 1)]
        if plan.min_s > 0:
            parts.append(spent_s / plan.min_s)
        return min(1.0, max(min(parts), spent_s / plan.cap_s))

    def is_done(self, plan: Plan) -> bool:
        """Whether the plan has enough samples, blocks and time, its cap is reached, or the run was cut short."""
        enough = self.samples >= plan.min_samples and len(self.walls_ns) >= plan.min_blocks
        timed_long = self.spent_ns >= plan.min_s * SECOND
        return self.is_cut_short or (enough and timed_long) or self.spent_ns >= plan.cap_s * SECOND


class Series(Protocol):
    """The blocks of one subject."""

    tally: Tally

    def run_block(self) -> None:
        """Run one more."""


def take_turns(series: Sequence[Series], plan: Plan, hear: Told) -> None:
    """Run blocks in rounds until all are done; each order of a round is followed by its reverse, then rotated by one.

    All go on until the last one is done, so that their blocks stay side by side; but what was cut short has ended.
    """
    for order in _orders(len(series)):
        for index in order:
            if series[index].tally.is_cut_short:
                continue
            with _no_garbage_collection():
                series[index].run_block()
        hear(min(one.tally.fraction_done(plan) for one in series))
        if all(one.tally.is_done(plan) for one in series):
            return


def samples_each(subjects: int) -> int:
    """How many samples each of so many subjects may keep, as far as its plan does not ask for more."""
    return max(_SAMPLES_MIN, SAMPLES_MAX // subjects)


def samples_kept(subjects: int, plan: Plan) -> int:
    """Above which every second sample is let go: half of them must still be as many as the plan asks for."""
    return max(samples_each(subjects), 2 * plan.min_samples)


def samples_kept_next(kept: int, most: int) -> int:
    """Of a series of at most ``most`` samples of which ``kept`` were left: twice as many where blocks have one each.

    Nothing can be let go then, only blocks can become longer.
    """
    return most if 4 * kept <= 3 * most else 2 * kept


def every_second(samples: array[int], blocks: Sequence[int]) -> array[int]:
    """Of each block the last sample and every second before it, so that none becomes empty."""
    kept, begins = array(samples.typecode), 0
    for length in blocks:
        kept.extend(samples[begins + (length - 1) % 2 : begins + length : 2])
        begins += length
    return kept


def halved(blocks: Sequence[int]) -> list[int]:
    """Lengths of the blocks after :func:`every_second`."""
    return [-(-length // 2) for length in blocks]


def stride_of(inferences: int, samples_max: int) -> int:
    """Of how many inferences one is timed; leaves room for a quarter more inferences than planned."""
    return max(1, -(-5 * inferences // (4 * samples_max)))


def part_from(start: float, told: Told | None) -> Told:
    """Tell a part's fractions as those of the whole, whose first ``start`` is done."""

    def hear(fraction: float) -> None:
        if told is not None:
            told(start + (1 - start) * fraction)

    return hear


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    """For two subjects: 01, 10, 10, 01, and so on."""
    for turn in itertools.count():
        order = tuple((index + turn) % count for index in range(count))
        yield order
        yield order[::-1]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
