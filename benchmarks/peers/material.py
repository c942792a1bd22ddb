"""What every tool starts from: the float network, images to calibrate and check with, and the test split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgetl.artifact import sha256_of
from edgetl.bundle import Bundle
from edgetl.files import replacing
from edgetl.gates import Gates
from edgetl.golden import Golden
from edgetl.host.cache import digest
from edgetl.host.data.dataset import Sample
from edgetl.host.data.stream import stream
from edgetl.host.fingerprint import machinery
from edgetl.host.prepare import PrepareRequest, load_material, prepare
from edgetl.host.variants import stratified
from edgetl.progress import Progress
from edgetl.recipe import Recipe
from edgetl.tensors import Array

FLOAT = "fp32"


@dataclass(frozen=True)
class Place:
    """Where a case's files are kept, and how many threads may make them."""

    base: Path
    """Folder that relative paths in the recipe start from."""
    folder: Path
    threads: int


@dataclass(frozen=True)
class Material:
    """A case on the disk."""

    model: Path
    """The float ONNX file that all tools get."""
    calibration: Path
    """``.npz``: arrays ``calibration/INPUT``, ``validation/INPUT`` and ``validation-labels``."""
    test: Path
    """``.npz``: arrays ``test/INPUT`` and ``test-labels``; no tool gets it."""
    gates: Gates
    cache: Path
    """EdgeTL's own cache, in which only the float model was made."""

    @property
    def sha256(self) -> str:
        """Of what tools get."""
        return digest([sha256_of(self.model), sha256_of(self.calibration)])

    def test_split(self) -> tuple[dict[str, Array], NDArray[np.int64]]:
        """Inputs by name, and labels."""
        return read_arrays(self.test, "test")


def material(recipe: Recipe, place: Place, progress: Progress) -> Material:
    """Adapt and export the float model and write out its data, unless they are there already.

    Raises:
        EdgeTLError: the recipe cannot be prepared.
    """
    parts = [recipe.sha256, machinery()]
    folder = place.folder / digest(parts)[:16]
    made = Material(
        folder / "float.onnx", folder / "calibration.npz", folder / "test.npz", recipe.gates, folder / "cache"
    )
    if not made.test.is_file():
        _make(recipe, place, made, progress)
    return made


def float_only(recipe: Recipe) -> Recipe:
    """The same deployment without int8."""
    return msgspec.structs.replace(recipe, quantize=msgspec.structs.replace(recipe.quantize, renderings=()))


def read_arrays(path: Path, split: str) -> tuple[dict[str, Array], NDArray[np.int64]]:
    """Inputs by name, and the labels of a split."""
    with np.load(path, allow_pickle=False) as file:
        inputs = {name.partition("/")[2]: file[name] for name in file.files if name.startswith(f"{split}/")}
        return inputs, file[f"{split}-labels"]


def _make(recipe: Recipe, place: Place, made: Material, progress: Progress) -> None:
    request = PrepareRequest(float_only(recipe), place.base, made.cache / "float.edgetl", made.cache, place.threads)
    prepare(request, progress)
    bundle = Bundle.open(request.out)
    with replacing(made.model) as file:
        file.write(bundle.model(FLOAT, made.cache / "models").read_bytes())
    splits = load_material(request, progress).splits
    preprocess, name = bundle.manifest.preprocess, _input(bundle.golden())
    assert preprocess is not None, "networks of images only"

    def arrays(split: str, samples: tuple[Sample, ...]) -> dict[str, Array]:
        images = np.stack(list(stream(samples, preprocess, threads=place.threads)))
        return {f"{split}/{name}": images, f"{split}-labels": np.array([sample.label for sample in samples], np.int64)}

    chosen = stratified(splits.train, recipe.quantize.calibration, recipe.seed)
    _write(made.calibration, {**arrays("calibration", chosen), **arrays("validation", splits.validation)})
    _write(made.test, arrays("test", splits.open_test("comparison with other tools")))


def _input(golden: Golden) -> str:
    return next(iter(golden.inputs))


def _write(path: Path, arrays: dict[str, Array]) -> None:
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **arrays)
