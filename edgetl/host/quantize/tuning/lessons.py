"""Samples, and what the float graph makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from torch import Tensor

from edgetl.errors import DataError
from edgetl.host.graph import weights_of
from edgetl.host.quantize.activations import activations
from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.distillation import Match
from edgetl.tensors import Array, Feed

FEWEST, MOST = 16, 512
"""Samples. Fewer say too little of what is lost; more take memory, and a short training hardly sees them twice."""
_HELD_OUT_OF = 8
_MOST_HELD_OUT = 32
_TEACHING = 0.25
"""Share of the budget for the float graph."""


@dataclass(frozen=True)
class Lesson:
    """Samples of one shape, with the tensors of the float graph."""

    feeds: Mapping[str, Tensor]
    """By input, each with the batch first."""
    wanted: Mapping[str, Tensor]


Lessons = Sequence[Lesson]
"""Each of one sample."""


def together(lessons: Lessons, size: int) -> Iterator[Lesson]:
    """The same samples in batches of one shape, ``size`` at most, those of the first one's shape first."""
    groups: dict[tuple[torch.Size, ...], list[Lesson]] = {}
    for lesson in lessons:
        groups.setdefault(tuple(tensor.shape for tensor in lesson.feeds.values()), []).append(lesson)
    for group in groups.values():
        for start in range(0, len(group), size):
            chosen = group[start : start + size]
            yield Lesson(_joined([one.feeds for one in chosen]), _joined([one.wanted for one in chosen]))


def lessons(
    original: onnx.ModelProto, samples: Iterable[Feed], pairs: tuple[Match, ...], settings: TuneSettings
) -> tuple[Lessons, Lessons]:
    """Run the float graph over the samples, as ONNX Runtime computes it: those to learn, and every eighth held out.

    At least 16 samples are taken, then as many of 512 as fit into a quarter of the budget.

    Raises:
        DataError: fewer than 16 samples.
    """
    began, weights = settings.clock(), weights_of(original)
    only = next(value.name for value in original.graph.input if value.name not in weights)
    names = tuple(dict.fromkeys(pair.wanted for pair in pairs))
    made: list[Lesson] = []
    first, second = itertools.tee(itertools.islice(samples, MOST))
    with settings.progress.stage("teach", None) as step:
        for sample, tensors in zip(first, activations(original, names, second, settings.threads), strict=False):
            feeds = {only: sample[None]} if isinstance(sample, np.ndarray) else sample
            made.append(Lesson(_tensors(feeds), _tensors(tensors)))
            step.advance()
            if len(made) >= FEWEST and settings.clock() - began > settings.budget_s * _TEACHING:
                break
    if len(made) < FEWEST:
        raise DataError(f"tuning got {len(made)} samples; expected at least {FEWEST}")
    held_out = range(_HELD_OUT_OF - 1, min(len(made), _HELD_OUT_OF * _MOST_HELD_OUT), _HELD_OUT_OF)
    return [made[place] for place in range(len(made)) if place not in held_out], [made[place] for place in held_out]


def _tensors(arrays: Mapping[str, Array]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.array(array, order="C")) for name, array in arrays.items()}


def _joined(each: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([one[name] for one in each]) for name in each[0]}
