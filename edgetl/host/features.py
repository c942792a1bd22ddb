"""Features of images, computed once and kept: one row per image and view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.errors import RecipeError
from edgetl.host.cache import Cache
from edgetl.host.data.dataset import Sample
from edgetl.host.data.parallel import ordered_map
from edgetl.host.data.reader import ImageReader
from edgetl.host.inference import Engine, identity_of, run
from edgetl.host.rows import Row, keeping, kept_rows
from edgetl.preprocess import Preprocess
from edgetl.progress import Progress
from edgetl.tensors import Array

VIEWS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda image: image,
    "hflip": lambda image: image[:, ::-1],
    "vflip": lambda image: image[::-1],
    "rot180": lambda image: image[::-1, ::-1],
    "rot90": lambda image: np.rot90(image),
    "rot270": lambda image: np.rot90(image, 3),
    "transpose": lambda image: np.swapaxes(image, 0, 1),
    "transverse": lambda image: np.swapaxes(image[::-1, ::-1], 0, 1),
}
"""Exact, label-preserving views of an image; which of them preserve labels is the user's knowledge."""

_TURNING = frozenset({"rot90", "rot270", "transpose", "transverse"})
_ROWS = "rows"


@dataclass(frozen=True)
class Extraction:
    """How features are computed: by which graph, from images read in which way, with how many threads."""

    engine: Engine
    reader: ImageReader
    threads: int
    cache: Cache


@dataclass(frozen=True)
class GraphFeatures:
    """The features that one graph computes for one set of samples."""

    how: Extraction
    samples: tuple[Sample, ...]
    progress: Progress
    title: str

    def training(self, views: tuple[str, ...]) -> NDArray[np.float32]:
        """Features of shape ``(views, n, features)``."""
        return extract(self, views)


def check_views(views: tuple[str, ...], preprocess: Preprocess) -> None:
    """Refuse views that do not exist or do not fit the input's shape.

    Raises:
        RecipeError: names the view.
    """
    unknown = [view for view in views if view not in VIEWS]
    if unknown or views[:1] != ("identity",) or len(set(views)) < len(views):
        raise RecipeError(
            f"[adapt] views {list(views)} must start with 'identity' and name each view once, of: {', '.join(VIEWS)}"
        )
    if preprocess.height != preprocess.width and _TURNING & set(views):
        raise RecipeError(
            f"[adapt] views {sorted(_TURNING & set(views))} need a square input, "
            f"not {preprocess.height}x{preprocess.width}"
        )


def extract(source: GraphFeatures, views: tuple[str, ...]) -> NDArray[np.float32]:
    """Features of shape ``(views, n, features)``; what the cache has is not computed again.

    The cache key holds everything that changes the numbers: graph, runtime and version, precision, ISA, decoder,
    preprocessing, image content and view.
    """
    how, samples = source.how, source.samples
    folder = how.cache.path("features", identity_of(how.engine, how.reader.identity))
    folder.mkdir(exist_ok=True)
    keys = [[f"{sample.sha256}/{view}" for sample in samples] for view in views]
    wanted = {key for row in keys for key in row}
    rows = kept_rows(folder, wanted)
    todo = {sample.sha256: (sample, missing) for sample in samples if (missing := _missing(sample, views, rows))}
    if todo:
        with source.progress.stage(source.title, len(todo)) as step:
            rows.update(keeping(folder, _compute(how, tuple(todo.values()), step.advance)))
    return np.stack([np.stack([rows[key][_ROWS] for key in row]) for row in keys])


def _missing(sample: Sample, views: tuple[str, ...], rows: Mapping[str, Row]) -> tuple[str, ...]:
    return tuple(view for view in views if f"{sample.sha256}/{view}" not in rows)


def _compute(
    how: Extraction, todo: Sequence[tuple[Sample, tuple[str, ...]]], advance: Callable[[], None]
) -> Iterator[tuple[str, Row]]:
    """Of each sample the views beside it."""

    def images() -> Iterator[Array]:
        decoded = ordered_map(how.reader.read, [sample for sample, _ in todo], how.threads)
        for image, (_, views) in zip(decoded, todo, strict=True):
            for view in views:
                yield np.ascontiguousarray(VIEWS[view](image))

    outputs = run(how.engine, images(), how.threads)
    for sample, views in todo:
        for view in views:
            (features,) = next(outputs).values()
            yield f"{sample.sha256}/{view}", {_ROWS: features[0]}
        advance()
