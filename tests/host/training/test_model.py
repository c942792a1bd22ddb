"""What is frozen stays frozen, also after ``train()``."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from edgetl.errors import RecipeError
from edgetl.host.adapt import Head
from edgetl.host.backbones import Backbone, load_backbone, trunk
from edgetl.host.training.layers import frozen_parameters, layer_of, thawed, unused_parameters
from edgetl.host.training.model import StandardHead, TrainingModel, digest
from edgetl.preprocess import Preprocess
from edgetl.recipe import BackboneChoice

SIZE = 48


@pytest.fixture
def backbone() -> Backbone:
    choice = BackboneChoice("test_efficientnet", "random", Preprocess(height=SIZE, width=SIZE))
    return load_backbone(choice, Path(), 0)


def head_of(width: int) -> StandardHead:
    rng = np.random.default_rng(1)
    head = Head(rng.normal(size=(3, width)).astype(np.float32), rng.normal(size=3).astype(np.float32))
    return StandardHead(head, rng.normal(size=width).astype(np.float32), rng.uniform(0.5, 2, width).astype(np.float32))


def model_of(backbone: Backbone, frozen: frozenset[str], batchnorm: str = "eval") -> TrainingModel:
    body = trunk(backbone, ())
    return TrainingModel(body, head_of(backbone.features), frozen, batchnorm)  # type: ignore[arg-type]


def images(n: int = 4) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, SIZE, SIZE, 3), dtype=np.uint8))


def steps(model: torch.nn.Module, count: int = 3) -> None:
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(count):
        model.train()
        optimizer.zero_grad()
        model(images()).square().mean().backward()
        optimizer.step()


def test_frozen_parameters_and_statistics_are_bit_identical_after_training(backbone: Backbone) -> None:
    model = model_of(backbone, frozen_parameters(backbone, 2, freeze_stem=True))
    before, everything = digest(model.constants()), digest(model.state_dict())
    steps(model)
    assert digest(model.constants()) == before
    assert digest(model.state_dict()) != everything


def test_requires_grad_alone_would_not_have_frozen_them(backbone: Backbone) -> None:
    """The control: the same loop over the bare module moves running statistics of frozen layers."""
    model = model_of(backbone, frozen_parameters(backbone, 2, freeze_stem=True))
    before = digest(model.constants())
    bare = torch.nn.Sequential(model.trunk, model.head)
    steps(bare)
    assert digest(model.constants()) != before


def test_batchnorm_in_training_mode_moves_only_what_is_not_frozen(backbone: Backbone) -> None:
    model = model_of(backbone, frozen_parameters(backbone, 2, freeze_stem=True), "train")
    buffers = {name: value.clone() for name, value in backbone.module.named_buffers() if "running_mean" in name}
    before = digest(model.constants())
    steps(model)
    moved = {
        name for name, value in backbone.module.named_buffers() if name in buffers and not value.equal(buffers[name])
    }
    assert digest(model.constants()) == before
    assert moved
    assert "bn1.running_mean" not in moved


def test_head_gives_the_logits_of_the_head_it_was_made_from(backbone: Backbone) -> None:
    rng = np.random.default_rng(1)
    head = Head(rng.normal(size=(3, 5)).astype(np.float32), rng.normal(size=3).astype(np.float32))
    mean, scale = rng.normal(size=5).astype(np.float32), rng.uniform(0.01, 3, 5).astype(np.float32)
    standard, features = StandardHead(head, mean, scale), rng.normal(size=(7, 5)).astype(np.float32)
    expected = features @ head.weight.T + head.bias
    np.testing.assert_allclose(standard(torch.from_numpy(features)).detach().numpy(), expected, rtol=1e-4, atol=1e-4)
    folded = standard.folded()
    np.testing.assert_allclose(folded.weight, head.weight, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(folded.bias, head.bias, rtol=1e-4, atol=1e-5)


def test_layers_are_numbered_from_the_input_and_leave_the_old_classifier_out(backbone: Backbone) -> None:
    layers = layer_of(backbone)
    assert layers["conv_stem.weight"] == 0
    assert sorted(set(layers.values())) == list(range(max(layers.values()) + 1))
    assert unused_parameters(backbone) == {"classifier.weight", "classifier.bias"}
    assert not unused_parameters(backbone) & set(layers)


@pytest.mark.parametrize(("last", "stem"), [(None, False), (None, True), (1, True), (2, False), (5, True), (5, False)])
def test_what_is_not_frozen_is_what_was_asked_for(backbone: Backbone, last: int | None, stem: bool) -> None:
    layers, frozen = layer_of(backbone), frozen_parameters(backbone, last, stem)
    trained = {layer for name, layer in layers.items() if name not in frozen}
    count = max(layers.values()) + 1
    first = max(1 if stem else 0, 0 if last is None else count - last)
    assert trained == set(range(first, count))


@pytest.mark.parametrize("last", [0, 99])
def test_more_stages_than_there_are_is_refused(backbone: Backbone, last: int) -> None:
    with pytest.raises(RecipeError, match=r"last_stages must be 1 to \d+ for 'test_efficientnet', got"):
        frozen_parameters(backbone, last, freeze_stem=True)


def test_thawing_begins_at_the_output_and_reaches_all_at_half_time(backbone: Backbone) -> None:
    frozen = frozen_parameters(backbone, None, freeze_stem=True)
    everything = frozenset(layer_of(backbone)) - frozen
    epochs = [thawed(backbone, frozen, epoch, 10) for epoch in range(10)]
    assert all(before <= after for before, after in itertools.pairwise(epochs))
    assert "conv_head.weight" in epochs[0] or any("blocks" in name for name in epochs[0])
    assert epochs[0] < everything
    assert epochs[5] == epochs[9] == everything
