"""What training did is told beside its graph, by a later run that finds both in the cache as well."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgetl.host.cache import Cache
from edgetl.host.data.dataset import Sample
from edgetl.host.data.splits import Sealed, Splits
from edgetl.host.data.tensors import TensorReader
from edgetl.host.ladder import Ascent
from edgetl.host.ladder.attempts import made
from edgetl.host.ladder.rungs import FIRST
from edgetl.host.ladder.tuned import Allowance, tuned_graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.training.checkpoint import Checkpoint
from edgetl.host.workspace import Workspace
from edgetl.plugins import RENDERINGS, find
from edgetl.progress import Silent, Step
from edgetl.tensors import Array, TensorSpec, feed_sha256

AscentOf = Callable[..., Ascent]


class Recorder(Silent):
    """Remembers remarks, of which each training leaves one."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def subject(ascent: AscentOf, recorder: Recorder) -> Iterator[tuple[Workspace, Allowance, Path, Path]]:
    """What is trained."""
    asked = ascent(spread=30.0)
    with made(asked, FIRST[1]) as variant:
        yield replace(asked.workspace, progress=recorder), Allowance(600.0, 600.0), asked.made.model, variant.model


def test_a_hit_tells_what_the_training_told(
    subject: tuple[Workspace, Allowance, Path, Path], recorder: Recorder
) -> None:
    graph, trained = tuned_graph(*subject)

    assert trained.steps == 300
    assert trained.images + trained.held_out == len(subject[0].splits.train)
    assert trained.loss_after <= trained.loss_before
    assert tuned_graph(*subject) == (graph, trained)
    assert len(recorder.notes) == 1, "it was trained again"


def test_a_fresh_run_trains_again_and_once(
    subject: tuple[Workspace, Allowance, Path, Path], recorder: Recorder
) -> None:
    first = tuned_graph(*subject)
    workspace = replace(subject[0], cache=Cache(subject[0].cache.root, fresh=True))
    assert tuned_graph(workspace, *subject[1:]) == first
    assert len(recorder.notes) == 2
    assert tuned_graph(workspace, *subject[1:]) == first
    assert len(recorder.notes) == 2


@pytest.mark.parametrize("damage", [None, b"", b'{"steps": "many"}'], ids=["lost", "empty", "wrong"])
def test_what_is_not_told_any_more_is_found_out_again(
    damage: bytes | None, subject: tuple[Workspace, Allowance, Path, Path], recorder: Recorder
) -> None:
    first = tuned_graph(*subject)
    told = first[0].with_suffix(".json")
    told.unlink() if damage is None else told.write_bytes(damage)

    assert tuned_graph(*subject) == first
    assert len(recorder.notes) == 2


class Stopped(Exception):
    """Stands for a signal that no process can catch."""


class Fuse(Recorder):
    """Stops training after so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Step]:
        yield SimpleNamespace(advance=lambda count=1: self.burn() if title == "tune" else None)

    def burn(self) -> None:
        self.left -= 1
        if not self.left:
            raise Stopped


def test_a_training_that_was_stopped_goes_on_and_leaves_nothing_but_its_graph(
    subject: tuple[Workspace, Allowance, Path, Path], recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count(1)
    monkeypatch.setattr(Checkpoint, "due", property(lambda self: next(looks) % 50 == 0))
    first = tuned_graph(*subject)
    folder, content = first[0].parent, first[0].read_bytes()
    left = {path.suffix for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()

    looks = itertools.count(1)
    with pytest.raises(Stopped):
        tuned_graph(replace(subject[0], progress=Fuse(120)), *subject[1:])
    assert [path.suffix for path in folder.iterdir()] == [".pt"]
    recorder.notes.clear()
    assert tuned_graph(*subject) == first

    assert recorder.notes[0] == "training against float goes on after 100 steps"
    assert first[0].read_bytes() == content
    assert left == {path.suffix for path in folder.iterdir()} == {".onnx", ".json"}


def test_samples_of_tensors_are_trained_on(
    embedder: Callable[[Path], Path], sentences: Callable[..., tuple[dict[str, Array], ...]], tmp_path: Path
) -> None:
    feeds, model, rendered = sentences(40), embedder(tmp_path / "float.onnx"), tmp_path / "rendered.onnx"
    find(RENDERINGS, "x86-vnni", "rendering").render(model, calibrate(model, feeds), rendered, RenderSettings())
    specs = tuple(TensorSpec(name, "int64", (None, None)) for name in ("ids", "mask"))
    splits = Splits(tuple(_stored(feed) for feed in feeds), (), Sealed(()), {}, "")
    cache = Cache(tmp_path / "cache")
    workspace = Workspace(splits, (), TensorReader(specs, {}), 0, 1, cache, Silent(), "tensor")

    graph, trained = tuned_graph(workspace, Allowance(600.0, 600.0), model, rendered)

    assert (trained.steps, trained.images, trained.held_out) == (300, 35, 5)
    assert trained.loss_after < trained.loss_before
    assert graph.read_bytes() != rendered.read_bytes()


def _stored(feed: dict[str, Array]) -> Sample:
    buffer = io.BytesIO()
    np.savez(buffer, **feed)
    return Sample(buffer.getvalue(), sha256=feed_sha256(feed))
