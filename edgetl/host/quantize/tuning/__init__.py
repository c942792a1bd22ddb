"""Short quantization-aware training of a Q/DQ graph, with its float graph as the teacher; no labels are needed.

The graph itself is trained, by an interpreter of it in torch: pairs round as the device does and pass gradients on.
What comes out is the same graph with other integers and biases.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from edgetl.host.training.checkpoint import Checkpoint
from edgetl.progress import Progress, Silent


@dataclass(frozen=True)
class TuneSettings:
    """How long and how hard to train."""

    budget_s: float
    """Seconds that all of it may take: with less than a run needs, the best that was found so far is kept, and what
    that is depends on the machine."""
    steps: int = 300
    """Most updates."""
    batch: int = 8
    """Samples per update; a graph with a batch of fixed size has its own."""
    learning_rate: float = 0.01
    """Of weights at the start, in steps of their integers; it falls to 0 along half a cosine."""
    threads: int = 1
    seed: int = 0
    """Of the order of the samples."""
    clock: Callable[[], float] = time.monotonic
    """Seconds."""
    progress: Progress = field(default_factory=Silent)
    checkpoint: Checkpoint | None = None
    """Where everything is kept now and then; a training that was stopped goes on from there. Needs the same arguments,
    and stays in the end: whoever keeps the graph removes it."""


@dataclass(frozen=True)
class Tuned:
    """What training did; its losses are of samples not trained on, by which, however, the best state was chosen."""

    steps: int
    """Updates that were made, by a run that was stopped, too; the best state so far may be of an earlier one."""
    loss_before: float
    """See :func:`edgetl.host.quantize.tuning.distillation.loss`."""
    loss_after: float
    """Of the graph as it was written; never more than before."""
    changed: tuple[str, ...]
    """Names of the constants that differ; none where nothing was gained."""
    trained_on: int
    """Samples."""
    held_out: int
    """Samples that the losses are of."""
    step_s: float | None
    """Median seconds of an update; ``None`` without one."""
    seconds: float
