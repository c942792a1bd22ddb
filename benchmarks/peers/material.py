"""What every tool starts from: the float network, samples to calibrate and check with, and the test split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetl.artifact import sha256_of
from edgetl.files import replacing
from edgetl.gates import Gates
from edgetl.host.cache import digest
from edgetl.host.data.dataset import Sample
from edgetl.host.data.splits import Splits
from edgetl.host.fingerprint import machinery
from edgetl.host.variants import stratified
from edgetl.progress import Progress
from edgetl.recipe import Recipe
from edgetl.tensors import Array


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


@dataclass(frozen=True)
class Maker:
    """How the float network of a case and its samples come about."""

    make: Callable[[Recipe, Place, Material, Progress], None]
    """Writes the files of a case; may raise what is wrong with the recipe or its data."""
    code: tuple[Path, ...] = ()
    """Files outside of EdgeTL that decide what is written."""


def material(recipe: Recipe, place: Place, maker: Maker, progress: Progress) -> Material:
    """Make the float model and write out its data, unless they are there already.

    Raises:
        EdgeTLError: the recipe cannot be prepared.
    """
    parts = [recipe.sha256, machinery(), *map(sha256_of, maker.code)]
    folder = place.folder / digest(parts)[:16]
    made = Material(
        folder / "float.onnx", folder / "calibration.npz", folder / "test.npz", recipe.gates, folder / "cache"
    )
    if not made.test.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        maker.make(recipe, place, made, progress)
    return made


def write_samples(
    made: Material, recipe: Recipe, splits: Splits, inputs: Callable[[tuple[Sample, ...]], Mapping[str, Array]]
) -> None:
    """Write out what calibrates, validates and tests; the test split last, which says that a case is whole.

    Args:
        made: where.
        recipe: says how many samples calibrate, and by which seed they are drawn.
        splits: the test split is opened.
        inputs: of samples, each input as an array with the sample first.
    """

    def arrays(split: str, samples: tuple[Sample, ...]) -> dict[str, Array]:
        named = {f"{split}/{name}": array for name, array in inputs(samples).items()}
        return {**named, f"{split}-labels": np.array([sample.label for sample in samples], np.int64)}

    chosen = stratified(splits.train, recipe.quantize.calibration, recipe.seed)
    _write(made.calibration, {**arrays("calibration", chosen), **arrays("validation", splits.validation)})
    _write(made.test, arrays("test", splits.open_test("comparison with other tools")))


def read_arrays(path: Path, split: str) -> tuple[dict[str, Array], NDArray[np.int64]]:
    """Inputs by name, and the labels of a split."""
    with np.load(path, allow_pickle=False) as file:
        inputs = {name.partition("/")[2]: file[name] for name in file.files if name.startswith(f"{split}/")}
        return inputs, file[f"{split}-labels"]


def _write(path: Path, arrays: dict[str, Array]) -> None:
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **arrays)
