"""Promises of ``benchmarks/peers/material.py`` and ``packages.py``, with samples that are made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from peers.cases import CASES
from peers.material import Maker, Material, Place, material, read_arrays, write_samples
from peers.packages import downloaded

from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.splits import split
from edgetl.progress import Progress, Silent
from edgetl.recipe import Recipe
from edgetl.tensors import Array

DATA = Dataset(("a", "b"), tuple(Sample(b"%d" % i, i % 2, sha256=f"{i:064d}") for i in range(1000)))
RECIPE = CASES["minilm-l6"].read("case")


def inputs(samples: tuple[Sample, ...]) -> dict[str, Array]:
    numbers = np.array([[int(one.sha256)] for one in samples], np.int64)
    return {"number": numbers, "negative": -numbers}


def make(recipe: Recipe, place: Place, made: Material, progress: Progress) -> None:
    with (place.base / "runs").open("a") as runs:
        runs.write("once\n")
    made.model.write_bytes(b"a model")
    write_samples(made, recipe, split(DATA, recipe.data, recipe.seed), inputs)


def runs(place: Place) -> int:
    return len((place.base / "runs").read_text().splitlines())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, tmp_path / "cases", 1)


def test_samples_of_any_inputs_are_written_with_their_labels(place: Place) -> None:
    made = material(RECIPE, place, Maker(make), Silent())
    test, labels = made.test_split()
    calibration, _ = read_arrays(made.calibration, "calibration")
    validation, _ = read_arrays(made.calibration, "validation")
    assert list(test) == ["number", "negative"]
    assert np.array_equal(test["number"][:, 0] % 2, labels)
    assert [len(one["number"]) for one in (calibration, validation, test)] == [300, 80, 200]
    parts = [set(one["number"][:, 0].tolist()) for one in (calibration, validation, test)]
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_case_is_made_once_for_every_code_that_makes_it(place: Place) -> None:
    code = place.base / "code.py"
    for text, expected in (("1", 1), ("1", 1), ("2", 2)):
        code.write_text(text)
        material(RECIPE, place, Maker(make, (code,)), Silent())
        assert runs(place) == expected


def test_package_that_was_downloaded_is_taken_from_there(tmp_path: Path) -> None:
    folder = tmp_path / "thing-1.0"
    folder.mkdir()
    for name in ("thing-1.0-py3-none-any.whl", "thing-1.0.tar.gz"):
        (folder / name).touch()
    assert downloaded("pip:thing==1.0", "wheel", tmp_path).name == "thing-1.0-py3-none-any.whl"
    assert downloaded("pip:thing==1.0", "source", tmp_path).name == "thing-1.0.tar.gz"


def test_package_that_pip_cannot_get_is_told_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(RuntimeError, match=r"thing==1\.0 failed: .*No matching distribution found for thing==1\.0"):
        downloaded("pip:thing==1.0", "wheel", tmp_path)
