"""Promises of :mod:`edgetl.host.adaptation`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from edgetl.host.adapt import AdaptContext, Adapted, FeatureSource, FittedHead, Folds, Head, Method
from edgetl.host.adaptation import adaptation
from edgetl.host.backbones import load_backbone, trunk
from edgetl.host.cache import Cache
from edgetl.host.data.dataset import Sample
from edgetl.host.data.reader import ImageReader
from edgetl.host.data.splits import Sealed, Splits
from edgetl.host.export import module_digest
from edgetl.host.workspace import Workspace
from edgetl.preprocess import Preprocess
from edgetl.progress import Silent
from edgetl.recipe import BackboneChoice

Context = Callable[[], AdaptContext]


class Options(msgspec.Struct, frozen=True):
    """Options of the method below."""

    shift: float = 1.0


class InPlace:
    """Trains nothing, but changes the backbone in place as training does."""

    name = "in-place"
    options: type[msgspec.Struct] = Options

    def __init__(self, fitted: bool = False) -> None:
        self.calls, self.fitted = 0, fitted

    def adapt(self, context: AdaptContext) -> Adapted:
        self.calls += 1
        body = trunk(context.backbone)
        with torch.no_grad():
            next(body.parameters()).add_(context.options.shift)
        width = sum(part.shape[1] for part in body.parts(torch.zeros((1, 32, 32, 3), dtype=torch.uint8)))  # type: ignore[operator]
        head = Head(np.full((2, width), 0.5, np.float32), np.array([1, 2], np.float32))
        out_of_fold = np.array([[0.25, 0.75]], np.float32)
        folds = Folds((head, head), np.array([1], np.int64))
        fitted = FittedHead(head, 0.1, out_of_fold, {0.1: 0.5}, {0.1: 0.6931471805599453}, True, folds)
        return Adapted(body, head, fitted if self.fitted else None, {"curve": [{"epoch": 1, "train_loss": 0.1}]})

    def refit(self, context: AdaptContext, features: FeatureSource, start: FittedHead | None) -> None:
        """It cannot."""


@pytest.fixture
def context(tmp_path: Path) -> Context:
    def make() -> AdaptContext:
        backbone = load_backbone(BackboneChoice("test_efficientnet", "random", Preprocess(32, 32)), Path(), 0)
        samples = (Sample(b"", 0, sha256="a" * 64), Sample(b"", 1, sha256="b" * 64))
        splits = Splits(samples, samples[:1], Sealed(()), {}, "")
        workspace = Workspace(splits, ("x", "y"), ImageReader(Preprocess(32, 32)), 0, 1, Cache(tmp_path), Silent())
        return AdaptContext(backbone, Options(), workspace)

    return make


def run(method: Method, context: AdaptContext) -> Adapted:
    return adaptation(method, context)


def assert_alike(first: Folds, second: Folds) -> None:
    assert np.array_equal(first.unseen_by, second.unseen_by)
    for one, other in zip(first.heads, second.heads, strict=True):
        assert np.array_equal(one.weight, other.weight)
        assert np.array_equal(one.bias, other.bias)


@pytest.mark.parametrize("fitted", [False, True])
def test_the_same_inputs_are_adapted_once_and_give_the_same(context: Context, fitted: bool) -> None:
    method, later = InPlace(fitted), context()
    made, kept = run(method, context()), run(method, later)
    assert method.calls == 1
    assert module_digest(kept.trunk) == module_digest(made.trunk)
    assert not kept.trunk.training
    assert np.array_equal(kept.head.weight, made.head.weight)
    assert np.array_equal(kept.head.bias, made.head.bias)
    assert kept.report == made.report
    if made.fitted is None:
        assert kept.fitted is None
    else:
        assert kept.fitted is not None
        assert kept.fitted.head is kept.head
        assert np.array_equal(kept.fitted.out_of_fold, made.fitted.out_of_fold)
        assert_alike(kept.fitted.folds, made.fitted.folds)
        same = replace(kept.fitted, head=made.head, out_of_fold=made.fitted.out_of_fold, folds=made.fitted.folds)
        assert same == made.fitted


def test_the_backbone_of_a_kept_adaptation_stays_as_it_was_pre_trained(context: Context) -> None:
    method, later = InPlace(), context()
    before = module_digest(later.backbone.module)
    run(method, context())
    run(method, later)
    assert module_digest(later.backbone.module) == before


def test_only_what_adaptation_changed_is_kept(context: Context, tmp_path: Path) -> None:
    made = run(InPlace(), context())
    (kept,) = (tmp_path / "adapted").glob("*.safetensors")
    whole = sum(tensor.nbytes for tensor in made.trunk.state_dict().values())
    assert kept.stat().st_size < whole / 4


@pytest.mark.parametrize(
    "change",
    [
        lambda c: replace(c, options=Options(2.0)),
        lambda c: replace(c, workspace=replace(c.workspace, seed=1)),
        lambda c: replace(c, workspace=replace(c.workspace, threads=2)),
        lambda c: replace(c, workspace=replace(c.workspace, classes=("x", "z"))),
        lambda c: replace(c, workspace=replace(c.workspace, reader=ImageReader(Preprocess(32, 32, crop=0.5)))),
        lambda c: relabelled(c, 1),
        lambda c: replace(c, backbone=load_backbone(BackboneChoice("test_efficientnet", "random"), Path(), 1)),
    ],
    ids=["options", "seed", "threads", "classes", "preprocessing", "label", "weights"],
)
def test_other_inputs_are_adapted_anew(context: Context, change: Callable[[AdaptContext], AdaptContext]) -> None:
    method = InPlace()
    run(method, context())
    run(method, change(context()))
    assert method.calls == 2


def relabelled(context: AdaptContext, label: int) -> AdaptContext:
    first, *others = context.workspace.splits.train
    splits = replace(context.workspace.splits, train=(replace(first, label=label), *others))
    return replace(context, workspace=replace(context.workspace, splits=splits))


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(b"half"), lambda path: path.unlink()])
def test_a_damaged_or_pruned_file_is_made_again(
    context: Context, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    method = InPlace()
    made = run(method, context())
    spoil(next((tmp_path / "adapted").glob("*.safetensors")))
    again = run(method, context())
    assert method.calls == 2
    assert module_digest(again.trunk) == module_digest(made.trunk)


class Recorder(Silent):
    """Remembers remarks."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_reuse_says_why_there_are_no_events(context: Context, tmp_path: Path) -> None:
    recorder, given = Recorder(), context()
    asked = replace(given.workspace, events=tmp_path / "events", progress=recorder)
    run(InPlace(), replace(given, workspace=asked))
    assert recorder.notes == []
    run(InPlace(), replace(context(), workspace=replace(asked, events=None)))
    assert recorder.notes == []
    run(InPlace(), replace(context(), workspace=asked))
    (note,) = recorder.notes
    assert "nothing was trained" in note
    assert "--fresh trains again" in note


def test_again_adapts_although_it_is_kept(context: Context) -> None:
    method = InPlace()
    run(method, context())
    run(method, replace(context(), again=True))
    assert method.calls == 2
