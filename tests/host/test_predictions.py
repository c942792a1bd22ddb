"""Promises of :mod:`edgetl.host.predictions`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetl.bundle import Bundle
from edgetl.host.cache import Cache
from edgetl.host.data.audit import Audit, audit
from edgetl.host.data.dataset import Sample
from edgetl.host.data.reader import ImageReader
from edgetl.host.data.source import open_source
from edgetl.host.data.splits import Sealed, Splits
from edgetl.host.data.stream import stream
from edgetl.host.inference import Engine, collect
from edgetl.host.predictions import predictions
from edgetl.host.workspace import Workspace
from edgetl.preprocess import Preprocess
from edgetl.progress import Silent, Step


class Totals(Silent):
    """Remembers how many images each stage computed."""

    def __init__(self) -> None:
        self.totals: list[int | None] = []

    def stage(self, title: str, total: int | None = None) -> AbstractContextManager[Step]:
        self.totals.append(total)
        return super().stage(title, total)


@pytest.fixture
def engine(tiny_bundle: Path, tmp_path: Path) -> Engine:
    return Engine(Bundle.open(tiny_bundle).model("fp32", tmp_path / "models"), "onnxruntime")


@pytest.fixture(scope="module")
def samples(photos: Path) -> tuple[Sample, ...]:
    how = Audit(min_per_class=4, skip_bad=False, threads=1)
    return audit(open_source(str(photos), photos), how, Silent()).dataset.samples[::20]


@pytest.fixture
def totals() -> Totals:
    return Totals()


@pytest.fixture
def workspace(tmp_path: Path, totals: Totals) -> Workspace:
    splits = Splits((), (), Sealed(()), {}, "")
    return Workspace(splits, ("dark", "light"), ImageReader(Preprocess(4, 4)), 0, 1, Cache(tmp_path), totals)


def test_outputs_are_those_of_the_graph_in_the_order_of_the_samples(
    engine: Engine, samples: tuple[Sample, ...], workspace: Workspace
) -> None:
    expected = collect(engine, stream(samples, workspace.preprocess, threads=1), 1)
    for _ in range(2):
        found = predictions(engine, samples, workspace, "evaluate")
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
    reverse = predictions(engine, samples[::-1], workspace, "evaluate")
    assert all(np.array_equal(reverse[name], expected[name][::-1]) for name in expected)


def test_only_unknown_images_are_computed(
    engine: Engine, samples: tuple[Sample, ...], workspace: Workspace, totals: Totals
) -> None:
    predictions(engine, samples[:2], workspace, "evaluate")
    predictions(engine, samples[1:4], workspace, "evaluate")
    predictions(engine, (*samples[:4], samples[0]), workspace, "record")
    assert totals.totals == [2, 2]


def test_other_preprocessing_is_computed_anew(
    engine: Engine, samples: tuple[Sample, ...], workspace: Workspace, totals: Totals
) -> None:
    predictions(engine, samples[:2], workspace, "evaluate")
    predictions(engine, samples[:2], replace(workspace, reader=ImageReader(Preprocess(4, 4, crop=0.5))), "evaluate")
    assert totals.totals == [2, 2]


def test_a_damaged_shard_is_computed_anew(
    engine: Engine, samples: tuple[Sample, ...], workspace: Workspace, totals: Totals, tmp_path: Path
) -> None:
    first = predictions(engine, samples[:2], workspace, "evaluate")
    (shard,) = (tmp_path / "predictions").rglob("*.npz")
    shard.write_bytes(shard.read_bytes()[:-20])
    second = predictions(engine, samples[:2], workspace, "evaluate")
    assert totals.totals == [2, 2]
    assert all(np.array_equal(first[name], second[name]) for name in first)
