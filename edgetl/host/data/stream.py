"""Labelled images as model inputs, decoded ahead in threads, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgetl.host.data.dataset import Sample
from edgetl.host.data.parallel import ordered_map
from edgetl.host.data.reader import ImageReader
from edgetl.preprocess import Preprocess
from edgetl.tensors import Array


def stream(
    samples: Sequence[Sample], preprocess: Preprocess, *, threads: int, window: int | None = None
) -> Iterator[Array]:
    """Yield each sample as ``uint8`` of shape ``(h, w, 3)``, in order.

    Args:
        window: how many images may wait in memory (default four per thread).

    Raises:
        DataError: an image cannot be read; names the sample.
    """
    return ordered_map(ImageReader(preprocess).read, samples, threads, window)
