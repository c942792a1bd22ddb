"""The training itself: Adam, a falling rate, and the best state so far."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgetl.errors import Unsupported
from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.lessons import Lessons
from edgetl.host.quantize.tuning.student import Student
from edgetl.host.training.checkpoint import Checkpoint, Standing
from edgetl.tensors import Array

EXAMINATIONS = 10
"""How often the samples that were held out are looked at."""
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
    """Train until the steps or the time are used up, from where an earlier process was stopped.

    The rate falls to 0 with the last step, or with the last one that there is time for, by how long steps took so far.
    So a run with enough time depends on the seed alone, and one that time cuts short on the machine, too. One that was
    stopped makes the steps that are left, in the time that was left.

    Args:
        ends: on the settings' clock. Nothing is begun that would, as it took so far, end later.

    Raises:
        Unsupported: its loss is no number from the start, or has no gradient.

    References:
        Kingma and Ba, "Adam", 2015 (arXiv:1412.6980); Loshchilov and Hutter, "SGDR", 2017 (arXiv:1608.03983), for the
        cosine.
    """
    clock, began = settings.clock, settings.clock()
    run = _Run(student, lessons, held_out, settings)
    examination_s = clock() - began
    left_s = None if settings.checkpoint is None else run.go_on(settings.checkpoint)
    pace = _Pace(settings.steps, examination_s, ends if left_s is None else clock() + left_s)
    with settings.progress.stage("tune", settings.steps) as told:
        if run.done:
            told.advance(run.done)
        while run.done < settings.steps and clock() + max(run.took, default=0.0) + 2 * examination_s < pace.ends:
            at = clock()
            if not run.step(run.done / pace.affordable(at, run.took)):
                break
            told.advance()
            run.took.append(clock() - at)
            if run.done % pace.every == 0:
                run.state.examine(run.done)
            if settings.checkpoint is not None and settings.checkpoint.due:
                run.save(settings.checkpoint, pace.ends - clock())
    state = run.state
    if state.at != run.done:
        state.examine(run.done)
    state.restore()
    return Course(run.done, state.before, state.best, statistics.median(run.took) if run.took else None)


class _Run:
    """Everything that changes from step to step."""

    def __init__(self, student: Student, lessons: Lessons, held_out: Lessons, settings: TuneSettings) -> None:
        self.state = _State(student, held_out)
        self.took: list[float] = []
        """Seconds of each step so far."""
        self._student = student
        self._optimiser = torch.optim.Adam(student.masters.leaves, lr=settings.learning_rate)
        self._rate, self._progress = settings.learning_rate, settings.progress
        self._batches = _Batches(lessons, student.batch, settings.seed)
        self._samples = [len(lessons), len(held_out)]

    @property
    def done(self) -> int:
        """Steps so far."""
        return len(self.took)

    def step(self, share: float) -> bool:
        """Learn from the next batch, ``share`` of the way to the end; ``False`` where the loss is no number."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate * (1 + math.cos(math.pi * share)) / 2
        value = self._student.loss(self._batches.next())
        if not value.requires_grad:
            raise Unsupported(
                "what the graph puts out does not follow what is trained by any gradient, as decisions do not (a "
                "comparison, an ArgMax)"
            )
        if not bool(torch.isfinite(value)):
            return False
        self._optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        if all(leaf.grad is None or bool(torch.isfinite(leaf.grad).all()) for leaf in self._student.masters.leaves):
            # a root has no gradient at 0: what such a batch says is left out
            self._optimiser.step()
        return True

    def save(self, checkpoint: Checkpoint, left_s: float) -> None:
        """Write everything that the next steps depend on."""
        tensors = {
            "samples": self._samples,
            "now": [leaf.detach() for leaf in self._student.masters.leaves],
            "optimiser": self._optimiser.state_dict(),
            "best": list(self.state.kept),
            "examined": self.state.at,
            "took": self.took,
            "left_s": left_s,
        }
        checkpoint.save(Standing(step=self.done, best_loss=self.state.best), tensors)

    def go_on(self, checkpoint: Checkpoint) -> float | None:
        """Be where an earlier run was, and say how many seconds that had left; ``None`` where there was none."""
        found = checkpoint.load()
        # how many samples are taken depends on time, too
        if found is None or found[1]["samples"] != self._samples:
            return None
        standing, kept = found
        with torch.no_grad():
            for leaf, value in zip(self._student.masters.leaves, kept["now"], strict=True):
                leaf.copy_(value)
        self._optimiser.load_state_dict(kept["optimiser"])
        self.took = kept["took"]
        self._batches.skip(self.done)
        self.state.at, self.state.best, self.state.kept = kept["examined"], standing.best_loss, tuple(kept["best"])
        self._progress.note(f"training against float goes on after {self.done} steps")
        left_s: float = kept["left_s"]
        return left_s


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

    def affordable(self, now: float, took: list[float]) -> int:
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
        if not math.isfinite(self.before):
            raise Unsupported("it puts out NaN or infinity for samples where the float graph does not")
        self.at = 0
        self.kept = self._copy()

    def examine(self, step: int) -> None:
        self.at, value = step, self._student.examine(self._held_out)
        if value < self.best:
            self.best, self.kept = value, self._copy()

    def restore(self) -> None:
        with torch.no_grad():
            for leaf, kept in zip(self._student.masters.leaves, self.kept, strict=True):
                leaf.copy_(kept)

    def _copy(self) -> tuple[Tensor, ...]:
        return tuple(leaf.detach().clone() for leaf in self._student.masters.leaves)


class _Batches:
    """Every sample once, then again in another order."""

    def __init__(self, lessons: Lessons, size: int, seed: int) -> None:
        self._lessons, self._size = lessons, min(size, len(lessons))
        self._rng = np.random.default_rng(seed)
        self._left = np.zeros(0, np.int64)

    def next(self) -> Lessons:
        return [self._lessons[place] for place in self._places()]

    def skip(self, count: int) -> None:
        for _ in range(count):
            self._places()

    def _places(self) -> Array:
        while len(self._left) < self._size:
            self._left = np.concatenate([self._left, self._rng.permutation(len(self._lessons))])
        chosen, self._left = self._left[: self._size], self._left[self._size :]
        return chosen
