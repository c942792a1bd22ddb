"""How samples become what a model takes, whatever they are made of."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from edgetl.errors import DataError
from edgetl.host.data.audit import Audit, Audited, audit
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.noise import refuse_noise
from edgetl.host.fingerprint import decoding
from edgetl.preprocess import Preprocess
from edgetl.progress import Progress
from edgetl.tensors import Array, Feed

HELD_BYTES = 512 * 2**20
"""Of decoded images that stay in memory: 3,500 of 224x224. A preparation reads an image three to six times, and
decoding a photo takes a third of the time that a small int8 network does."""


class Reader(Protocol):
    """Makes feeds of samples."""

    @property
    def noun(self) -> str:
        """What samples are called in messages, several of them."""

    @property
    def preprocess(self) -> Preprocess | None:
        """What a device does to an image before inference; ``None`` where samples are tensors already."""

    @property
    def identity(self) -> dict[str, object]:
        """What decides the numbers that a model is fed, besides a sample's content (JSON-able)."""

    def read(self, sample: Sample) -> Feed:
        """What a model takes for a sample.

        Raises:
            DataError: it cannot be read; names the sample.
        """

    def audit(self, dataset: Dataset, how: Audit, progress: Progress) -> Audited:
        """Read every sample, hash it, and refuse what is not fit for use.

        Raises:
            DataError: says which, and why.
        """

    def check(self, samples: Sequence[Sample]) -> None:
        """Refuse samples that ranges of activations must not be taken from.

        Raises:
            DataError: nothing but noise is in them.
        """

    def example(self, samples: Sequence[Sample], seed: int) -> Feed:
        """A feed of usual size, to time graphs with.

        Args:
            samples: at least one, which are read where sizes are not all the same.
            seed: of a random one.
        """

    def alike(self, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        """Those of one shape, as many as there are: what arrays with the sample first can hold."""


class _Held:
    """Decoded images by the hash of their file: the first that fit.

    None is given up for another one: samples are read in the same order again and again, so that the one which was not
    read for longest, which others would give up, is the next to be wanted.
    """

    def __init__(self) -> None:
        self._images: dict[str, Array] = {}
        self._left = HELD_BYTES
        self._lock = threading.Lock()

    def get(self, sha256: str) -> Array | None:
        return self._images.get(sha256)

    def put(self, sha256: str, image: Array) -> None:
        with self._lock:
            if sha256 and sha256 not in self._images and image.nbytes <= self._left:
                # it is given to whoever asks
                image.flags.writeable = False
                self._images[sha256] = image
                self._left -= image.nbytes


@dataclass(frozen=True)
class ImageReader:
    """Images, decoded and brought to the size of the model, once as long as memory for that lasts."""

    preprocess: Preprocess
    noun: str = "images"
    _held: _Held = field(default_factory=_Held, init=False, repr=False, compare=False)

    @property
    def identity(self) -> dict[str, object]:
        """Preprocessing, decoder and code."""
        return decoding(self.preprocess)

    def read(self, sample: Sample) -> Array:
        """``uint8 (h, w, 3)``, which is not to be written to.

        Raises:
            DataError: it cannot be read; names the sample.
        """
        held = self._held.get(sample.sha256)
        if held is not None:
            return held
        try:
            image = self.preprocess.apply(sample.image)
        except DataError as error:
            raise DataError(f"{sample.name}: {error}") from error
        self._held.put(sample.sha256, image)
        return image

    def audit(self, dataset: Dataset, how: Audit, progress: Progress) -> Audited:
        """:func:`~edgetl.host.data.audit.audit`."""
        return audit(dataset, how, progress)

    def check(self, samples: Sequence[Sample]) -> None:
        """:func:`~edgetl.host.data.noise.refuse_noise`."""
        refuse_noise(samples)

    def example(self, samples: Sequence[Sample], seed: int) -> Array:
        """Random pixels: no sample is read, because all are of one size."""
        shape = (self.preprocess.height, self.preprocess.width, 3)
        return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)

    def alike(self, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        """All of them."""
        return samples
