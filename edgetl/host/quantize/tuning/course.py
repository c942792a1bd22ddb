"""The training itself: Adam, a falling rate, and the best state so far."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.lessons import Lessons
from edgetl.host.quantize.tuning.student import Student

EXAMINATIONS = 10
"""How often the images that were held out are looked at."""
_TIMED_STEPS = 3
"""Steps from which on their median says how long one takes: the first one is often much slower than the others."""


@dataclass(frozen=True)
class Course:
    """What became of a training; the student is in its best state."""

    steps: int
    before: float
    best: float
    step_s: float | None
    """Median seconds of a step; ``None`` without one."""


def train(student: Student, lessons: Lessons, held_out: Lessons, settings: TuneSettings, ends: float) -> Course:
    """Train until the steps or the time are used up.

    The rate falls to 0 with the last step, or with the last one that there is time for, by how long steps took so far.
    So a run with enough time depends on the seed alone, and one that time cuts short on the machine, too.

    Args:
        ends: on the settings' clock. Nothing is begun that would, as it took so far, end later.

    References:
        Kingma and Ba, "Adam", 2015 (arXiv:1412.6980); Loshchilov and Hutter, "SGDR", 2017 (arXiv:1608.03983), for the
        cosine.
    """
    clock, began = settings.clock, settings.clock()
    state = _State(student, held_out)
    pace = _Pace(settings.steps, clock() - began, ends)
    optimiser = _optimiser(student, settings)
    batches = _Batches(lessons, student.batch, settings.seed)
    rates = [group["lr"] for group in optimiser.param_groups]
    took, done = list[float](), 0
    with settings.progress.stage("tune", settings.steps) as told:
        while done < settings.steps and clock() + max(took, default=0.0) + 2 * pace.examination_s < ends:
            at = clock()
            _decay(optimiser, rates, done / pace.affordable(at, took))
            value = student.loss(batches.next())
            if not bool(torch.isfinite(value)):
                break
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            done += 1
            told.advance()
            took.append(clock() - at)
            if done % pace.every == 0:
                state.examine(done)
    if state.at != done:
        state.examine(done)
    state.restore()
    return Course(done, state.before, state.best, statistics.median(took) if took else None)


def _decay(optimiser: torch.optim.Adam, rates: Sequence[float], share: float) -> None:
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = rate * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class _Pace:
    """How many steps there is time for."""

    steps: int
    """That are wanted."""
    examination_s: float
    ends: float

    @property
    def every(self) -> int:
        """Steps from one examination to the next."""
        return max(self.steps // EXAMINATIONS, 1)

    def affordable(self, now: float, took: Sequence[float]) -> int:
        """Steps that can be made in all, at most those wanted; until a few were timed, these."""
        if len(took) < _TIMED_STEPS:
            return self.steps
        step_s = statistics.median(took) + self.examination_s / self.every
        left_s = self.ends - now - 2 * self.examination_s
        # compared first, because steps may take no time on a clock
        if left_s >= (self.steps - len(took)) * step_s:
            return self.steps
        return len(took) + max(int(left_s / step_s), 1)


class _State:
    """The best numbers so far."""

    def __init__(self, student: Student, held_out: Lessons) -> None:
        self._student, self._held_out = student, held_out
        self.before = self.best = student.examine(held_out)
        self.at = 0
        self._kept = self._copy()

    def examine(self, step: int) -> None:
        self.at, value = step, self._student.examine(self._held_out)
        if value < self.best:
            self.best, self._kept = value, self._copy()

    def restore(self) -> None:
        with torch.no_grad():
            for leaf, kept in zip(self._student.masters.leaves, self._kept, strict=True):
                leaf.copy_(kept)

    def _copy(self) -> tuple[Tensor, ...]:
        return tuple(leaf.detach().clone() for leaf in self._student.masters.leaves)


class _Batches:
    """Every image once, then again in another order."""

    def __init__(self, lessons: Lessons, size: int, seed: int) -> None:
        self._lessons, self._size = lessons, min(size, len(lessons))
        self._rng = np.random.default_rng(seed)
        self._left = np.zeros(0, np.int64)

    def next(self) -> Lessons:
        while len(self._left) < self._size:
            self._left = np.concatenate([self._left, self._rng.permutation(len(self._lessons))])
        chosen, self._left = self._left[: self._size], self._left[self._size :]
        return self._lessons.of(chosen)


def _optimiser(student: Student, settings: TuneSettings) -> torch.optim.Adam:
    return torch.optim.Adam(student.masters.leaves, lr=settings.learning_rate)
