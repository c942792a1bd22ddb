"""Training batches whose content depends on seed, epoch and place alone, so that training can go on from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edgetl.errors import DataError
from edgetl.host.data.dataset import Sample
from edgetl.host.data.parallel import ordered_map
from edgetl.host.features import VIEWS
from edgetl.host.tasks import HostTask
from edgetl.host.training.augment import augmented
from edgetl.host.training.options import TrainingOptions
from edgetl.host.training.tail import Records
from edgetl.host.workspace import Workspace
from edgetl.plugins import find_task
from edgetl.tensors import Array


@dataclass(frozen=True)
class Batch:
    """Images ``(n, h, w, 3)`` from 0 to 255, or rows of a tail; soft targets ``(n, classes)``; weights of the loss."""

    images: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor


@dataclass(frozen=True)
class _Prepared:
    image: Array | None
    place: int = -1


@dataclass(frozen=True)
class Feed:
    """The training split as batches."""

    workspace: Workspace
    options: TrainingOptions
    targets: NDArray[np.float32]
    """Of every training sample, ``(n, classes)``."""
    records: Records | None = None
    """What frozen stages give for each view of each image; batches then hold these instead of images."""

    @property
    def steps(self) -> int:
        """Batches in an epoch; a last, smaller one is left out, as BatchNorm and the schedule want equal ones."""
        return max(len(self.workspace.splits.train) // self.options.batch, 1)

    @property
    def images(self) -> int:
        """Images in an epoch."""
        return min(self.steps * self.options.batch, len(self.workspace.splits.train))

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """Batches ``start`` and later of an epoch.

        Raises:
            DataError: an image cannot be read; names the sample.
        """
        samples, batch = self.workspace.splits.train, self.options.batch
        order = _generator(self.workspace.seed, number).permutation(len(samples))[: self.steps * batch]
        places = [(int(index), place) for place, index in enumerate(order)][start * batch :]
        weights = self._weights()

        def prepared(item: tuple[int, int]) -> _Prepared:
            index, place = item
            generator = _generator(self.workspace.seed, number, place)
            if self.records is None:
                return _Prepared(augmented(self._pixels(samples[index]), self.options.augment, generator))
            return self._recorded(index, generator, self.records)

        images = ordered_map(prepared, places, self.workspace.threads, 4 * batch)
        for step in range(start, self.steps):
            rows = order[step * batch : (step + 1) * batch]
            pixels = torch.from_numpy(np.stack([self._input(next(images)) for _ in rows]))
            yield self._mixed(
                Batch(pixels, torch.from_numpy(self.targets[rows]), torch.from_numpy(weights[rows])), number, step
            )

    def _recorded(self, index: int, generator: np.random.Generator, records: Records) -> _Prepared:
        views = self.options.augment.views
        view = int(generator.integers(len(views)))
        place = index * len(views) + view
        if records.has(place):
            return _Prepared(None, place)
        pixels = self._pixels(self.workspace.splits.train[index])
        return _Prepared(np.ascontiguousarray(VIEWS[views[view]](pixels)), place)

    def _input(self, prepared: _Prepared) -> Array:
        if self.records is not None:
            return self.records.row(prepared.place, prepared.image)
        assert prepared.image is not None
        return prepared.image

    def _pixels(self, sample: Sample) -> Array:
        try:
            return self.workspace.preprocess.apply(sample.image)
        except DataError as error:
            raise DataError(f"{sample.name}: {error}") from error

    def _weights(self) -> NDArray[np.float32]:
        weights = np.array([sample.weight for sample in self.workspace.splits.train], np.float32)
        if not self.options.balanced:
            return weights
        task: HostTask = find_task(self.workspace.task, "host")
        return task.balanced(self.targets, weights)

    def _mixed(self, batch: Batch, epoch: int, step: int) -> Batch:
        targets = batch.targets
        smoothing = self.options.label_smoothing
        if smoothing:
            targets = targets * (1 - smoothing) + smoothing / targets.shape[1]
        if not self.options.augment.mixup:
            return Batch(batch.images, targets, batch.weights)
        generator = _generator(self.workspace.seed, epoch, step, 1)
        lam = float(generator.beta(self.options.augment.mixup, self.options.augment.mixup))

        def mixed(values: torch.Tensor) -> torch.Tensor:
            return lam * values + (1 - lam) * values.flip(0)

        return Batch(mixed(batch.images.to(torch.float32)), mixed(targets), mixed(batch.weights))


def _generator(*numbers: int) -> np.random.Generator:
    return np.random.default_rng(numbers)
