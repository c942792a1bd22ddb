"""Images, and what the float graph makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from torch import Tensor

from edgetl.errors import DataError
from edgetl.host.quantize.activations import activations
from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.distillation import Match
from edgetl.tensors import Array

FEWEST, MOST = 16, 512
"""Images. Fewer say too little of what is lost; more take memory, and a short training hardly sees them twice."""
_HELD_OUT_OF = 8
_MOST_HELD_OUT = 32
_TEACHING = 0.25
"""Share of the budget for the float graph."""


@dataclass(frozen=True)
class Lessons:
    """Images with the tensors of the float graph."""

    images: Tensor
    """uint8 ``(n, h, w, 3)``."""
    wanted: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(self.images)

    def of(self, places: Array) -> Lessons:
        """Some of them."""
        chosen = torch.from_numpy(places)
        return Lessons(self.images[chosen], {name: tensor[chosen] for name, tensor in self.wanted.items()})

    def in_batches(self, size: int) -> Iterator[Lessons]:
        """All of them in order; the last batch may be smaller."""
        for start in range(0, len(self), size):
            yield self.of(np.arange(start, min(start + size, len(self))))


def lessons(
    original: onnx.ModelProto, images: Iterable[Array], pairs: tuple[Match, ...], settings: TuneSettings
) -> tuple[Lessons, Lessons]:
    """Run the float graph over the images, as ONNX Runtime computes it: those to learn, and every eighth held out.

    At least 16 images are taken, then as many of 512 as fit into a quarter of the budget.

    Raises:
        DataError: fewer than 16 images.
    """
    began = settings.clock()
    names = tuple(dict.fromkeys(pair.wanted for pair in pairs))
    kept: list[Array] = []
    made: dict[str, list[Array]] = {name: [] for name in names}
    first, second = itertools.tee(itertools.islice(images, MOST))
    with settings.progress.stage("teach", None) as step:
        for image, tensors in zip(first, activations(original, names, second, settings.threads), strict=False):
            kept.append(np.ascontiguousarray(image))
            for name in names:
                made[name].append(tensors[name])
            step.advance()
            if len(kept) >= FEWEST and settings.clock() - began > settings.budget_s * _TEACHING:
                break
    if len(kept) < FEWEST:
        raise DataError(f"tuning got {len(kept)} images; expected at least {FEWEST}")
    joined = {name: torch.from_numpy(np.concatenate(tensors)) for name, tensors in made.items()}
    everything = Lessons(torch.from_numpy(np.stack(kept)), joined)
    places = np.arange(len(kept))
    is_held = (places % _HELD_OUT_OF == _HELD_OUT_OF - 1) & (places < _HELD_OUT_OF * _MOST_HELD_OUT)
    return everything.of(places[~is_held]), everything.of(places[is_held])
