"""What every stage of one preparation shares: the data, how samples are read, and where results are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetl.device.tasks import DeviceTask
from edgetl.errors import Unsupported
from edgetl.host.cache import Cache
from edgetl.host.data.dataset import Sample
from edgetl.host.data.parallel import ordered_map
from edgetl.host.data.reader import ImageReader, Reader
from edgetl.host.data.splits import Splits
from edgetl.host.features import Extraction
from edgetl.host.inference import Engine
from edgetl.plugins import find_task
from edgetl.preprocess import Preprocess
from edgetl.progress import Progress
from edgetl.tensors import Array, Feed


@dataclass(frozen=True)
class Workspace:
    """One preparation's data and means."""

    splits: Splits
    classes: tuple[str, ...]
    reader: Reader
    seed: int
    threads: int
    cache: Cache
    progress: Progress
    task: str = "classify"
    """Name of what is predicted, in TASKS."""
    events: Path | None = None
    """Folder for TensorBoard events of training."""

    @property
    def images(self) -> ImageReader:
        """How images are read, for those who train on them.

        Raises:
            Unsupported: samples are no images.
        """
        if not isinstance(self.reader, ImageReader):
            raise Unsupported("only networks of images are trained here, and these samples are tensors")
        return self.reader

    @property
    def preprocess(self) -> Preprocess:
        """What is done to these images.

        Raises:
            Unsupported: samples are no images.
        """
        return self.images.preprocess

    def truth(self, samples: Sequence[Sample]) -> NDArray[np.int64]:
        """What is true of samples, as the task's halves take it.

        Raises:
            DataError: labels are of another kind than the task's.
        """
        task: DeviceTask = find_task(self.task, "device")
        return task.truth([sample.truth for sample in samples], len(self.classes))

    def feeds(self, samples: Sequence[Sample]) -> Iterator[Feed]:
        """What a model takes for each sample, in order, read ahead a few at a time.

        Raises:
            DataError: a sample cannot be read; names it.
        """
        return ordered_map(self.reader.read, samples, self.threads)

    def extraction(self, engine: Engine) -> Extraction:
        """How ``engine`` is to compute features here."""
        return Extraction(engine, self.images, self.threads, self.cache)

    def example(self) -> Feed:
        """A feed of usual size, to time graphs with."""
        return self.reader.example(self.splits.validation, self.seed)

    def blank(self) -> Array:
        """An empty image of the model's size, ``uint8 (h, w, 3)``.

        Raises:
            Unsupported: samples are no images.
        """
        return np.zeros((self.preprocess.height, self.preprocess.width, 3), np.uint8)
