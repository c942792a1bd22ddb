"""Float networks that EdgeTL adapts as a recipe says, with the images that they were adapted to."""

from __future__ import annotations

import msgspec
import numpy as np
from peers.material import Maker, Material, Place, write_samples

from edgetl.bundle import Bundle
from edgetl.files import replacing
from edgetl.host.data.dataset import Sample
from edgetl.host.data.stream import stream
from edgetl.host.prepare import PrepareRequest, load_material, prepare
from edgetl.progress import Progress
from edgetl.recipe import Recipe
from edgetl.tensors import Array

FLOAT = "fp32"
"""The variant that is not quantized."""


def float_only(recipe: Recipe) -> Recipe:
    """The same deployment without int8."""
    return msgspec.structs.replace(recipe, quantize=msgspec.structs.replace(recipe.quantize, renderings=()))


def _make(recipe: Recipe, place: Place, made: Material, progress: Progress) -> None:
    request = PrepareRequest(float_only(recipe), place.base, made.cache / "float.edgetl", made.cache, place.threads)
    prepare(request, progress)
    bundle = Bundle.open(request.out)
    with replacing(made.model) as file:
        file.write(bundle.model(FLOAT, made.cache / "models").read_bytes())
    preprocess, name = bundle.manifest.preprocess, next(iter(bundle.golden().inputs))
    assert preprocess is not None, "recipes make networks of images"

    def images(samples: tuple[Sample, ...]) -> dict[str, Array]:
        return {name: np.stack(list(stream(samples, preprocess, threads=place.threads)))}

    write_samples(made, recipe, load_material(request, progress).splits, images)


ADAPTED = Maker(_make)
