"""Entering a network behind its frozen stages changes nothing but the time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgetl.host.adapt import Head
from edgetl.host.backbones import Backbone, load_backbone, trunk
from edgetl.host.training.layers import frozen_parameters
from edgetl.host.training.model import StandardHead, TrainingModel
from edgetl.host.training.tail import Records, Tail
from edgetl.preprocess import Preprocess
from edgetl.recipe import BackboneChoice

SIZE = 64
FAMILIES = {"test_efficientnet": 3, "resnet18": 2, "mobilenetv3_small_100": 3, "test_vit": 1}


def model_of(name: str, last: int | None, pooling: Any = ("mean", "std", "log")) -> tuple[TrainingModel, Backbone]:
    choice = BackboneChoice(name, "random", Preprocess(height=SIZE, width=SIZE))
    backbone = load_backbone(choice, Path(), 0)
    stages = (stage.name for stage in backbone.stages if stage.listed)
    body = trunk(backbone, (*stages, "head"), pooling)
    with torch.inference_mode():
        width = body(torch.zeros((1, SIZE, SIZE, 3), dtype=torch.uint8)).shape[1]
    rng = np.random.default_rng(0)
    head = Head(rng.normal(0, 0.1, (2, width)).astype(np.float32), np.zeros(2, np.float32))
    standard = StandardHead(head, np.zeros(width, np.float32), np.ones(width, np.float32))
    return TrainingModel(body, standard, frozen_parameters(backbone, last, True), "eval").eval(), backbone


def tail_of(model: TrainingModel, backbone: Backbone) -> Tail:
    names = tuple(stage.name for stage in backbone.stages)
    return Tail(model, names, tuple(stage.name for stage in backbone.stages if stage.listed), images())


def images() -> Any:
    return np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["test_efficientnet", "resnet18", "mobilenetv3_small_100"])
@pytest.mark.parametrize("pooling", [("mean",), ("mean", "std", "log")])
def test_logits_and_gradients_are_those_of_the_whole_network(name: str, pooling: Any) -> None:
    model, backbone = model_of(name, FAMILIES[name], pooling)
    tail = tail_of(model, backbone)
    rows = torch.from_numpy(np.stack([tail.record(image) for image in images()]))
    found = []
    for logits in (model(torch.from_numpy(images())), tail(rows)):
        model.zero_grad()
        logits.square().sum().backward()
        gradients = {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}
        found.append((logits.detach(), gradients))
    (whole, expected), (cut, gradients) = found
    torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-4)
    assert gradients.keys() == expected.keys()
    for key, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[key], rtol=1e-2, atol=1e-3)


def test_the_network_is_whole_again_afterwards() -> None:
    model, backbone = model_of("test_efficientnet", 2)
    before = [name for name, _ in model.named_modules()]
    tail = tail_of(model, backbone)
    tail(torch.from_numpy(tail.record(images()[0])[None]))
    assert [name for name, _ in model.named_modules()] == before


def test_nothing_frozen_is_said() -> None:
    model, backbone = model_of("test_efficientnet", None)
    with pytest.raises(ValueError, match="no whole stage is frozen"):
        tail_of(model, backbone)


def test_a_network_that_cannot_be_entered_is_left_alone() -> None:
    """A transformer adds its positions between modules."""
    model, backbone = model_of("test_vit", 1)
    with pytest.raises(ValueError, match="not a map of channels"):
        tail_of(model, backbone)


def test_records_are_kept_by_place_and_leave_no_file(tmp_path: Path) -> None:
    model, backbone = model_of("test_efficientnet", 2)
    records = Records(tail_of(model, backbone), tmp_path, 4)
    row = records.row(3, images()[0])
    assert records.has(3)
    assert not records.has(0)
    np.testing.assert_array_equal(records.row(3, None), row)
    assert not list(tmp_path.iterdir())
    records.close()
