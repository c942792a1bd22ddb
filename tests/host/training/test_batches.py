"""Batches depend on seed, epoch and place alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgetl.host.cache import Cache
from edgetl.host.data.audit import Audit, audit
from edgetl.host.data.reader import ImageReader
from edgetl.host.data.source import open_source
from edgetl.host.data.splits import split
from edgetl.host.tasks.classify import TASK
from edgetl.host.tasks.multilabel import TASK as MULTILABEL
from edgetl.host.training.batches import Feed
from edgetl.host.training.options import Augment, TrainingOptions
from edgetl.host.workspace import Workspace
from edgetl.preprocess import Preprocess
from edgetl.progress import Silent
from edgetl.recipe import Data

SIZE = 16


@pytest.fixture
def workspace(photos: Path, tmp_path: Path) -> Workspace:
    audited = audit(open_source(str(photos), photos), Audit(4, False, 1), Silent())
    splits = split(audited.dataset, Data(str(photos)), 0)
    classes = audited.dataset.classes
    return Workspace(splits, classes, ImageReader(Preprocess(height=SIZE, width=SIZE)), 0, 2, Cache(tmp_path), Silent())


def feed(workspace: Workspace, **options: object) -> Feed:
    labels = np.array([sample.label for sample in workspace.splits.train])
    chosen = TrainingOptions(batch=4, **options)  # type: ignore[arg-type]
    return Feed(workspace, chosen, TASK.targets(labels, len(workspace.classes)))


def test_an_epoch_that_is_gone_on_with_has_the_same_batches(workspace: Workspace) -> None:
    source = feed(workspace, augment=Augment(crop=0.5, mixup=0.3), label_smoothing=0.1)
    whole = list(source.epoch(2))
    rest = list(source.epoch(2, start=3))
    assert len(whole) == source.steps
    for one, other in zip(whole[3:], rest, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.targets, other.targets)
        assert torch.equal(one.weights, other.weights)


def test_epochs_and_seeds_differ(workspace: Workspace) -> None:
    first, second = (next(feed(workspace).epoch(number)).images for number in (0, 1))
    other = next(feed(replace(workspace, seed=1)).epoch(0)).images
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)


def test_every_image_is_shown_at_most_once_an_epoch(workspace: Workspace) -> None:
    images = torch.cat([batch.images for batch in feed(workspace, augment=Augment(("identity",))).epoch(0)])
    rows = {image.numpy().tobytes() for image in images}
    assert len(rows) == len(images) == feed(workspace).steps * 4


def test_balanced_weights_give_every_class_the_same_sum(workspace: Workspace) -> None:
    rare = [sample for sample in workspace.splits.train if sample.label == 1][:4]
    common = [sample for sample in workspace.splits.train if sample.label == 0][:12]
    splits = replace(workspace.splits, train=(*common, *rare))
    batches = list(feed(replace(workspace, splits=splits), balanced=True).epoch(0))
    targets = torch.cat([batch.targets for batch in batches])
    weights = torch.cat([batch.weights for batch in batches])
    shares = targets.T @ weights
    assert torch.allclose(shares, shares.mean().expand(2), rtol=1e-5)


def test_balanced_images_without_any_label_keep_their_weight(workspace: Workspace) -> None:
    labels = [() if index % 3 else (index % 2,) for index, _ in enumerate(workspace.splits.train)]
    targets = np.array([[float(label in one) for label in range(2)] for one in labels], np.float32)
    mixed = TrainingOptions(batch=4, balanced=True, augment=Augment(mixup=0.3))
    source = Feed(replace(workspace, task="multilabel"), mixed, targets)
    for batch in source.epoch(0):
        loss = MULTILABEL.loss(torch.zeros(4, 2), batch.targets, batch.weights)
        assert bool((batch.weights > 0).all())
        assert bool(torch.isfinite(loss))


def test_smoothed_and_mixed_targets_stay_probabilities(workspace: Workspace) -> None:
    for batch in feed(workspace, label_smoothing=0.2, augment=Augment(mixup=0.5)).epoch(0):
        assert torch.allclose(batch.targets.sum(dim=1), torch.ones(4))
        assert float(batch.targets.min()) >= 0.1 - 1e-6
        assert batch.images.dtype == torch.float32
