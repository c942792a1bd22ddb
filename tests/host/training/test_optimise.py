"""Learning rates of layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgetl.host.adapt import Head
from edgetl.host.backbones import load_backbone, trunk
from edgetl.host.training.layers import unused_parameters
from edgetl.host.training.model import StandardHead, TrainingModel
from edgetl.host.training.optimise import optimizer_of, schedule_of
from edgetl.host.training.options import TrainingOptions
from edgetl.preprocess import Preprocess
from edgetl.recipe import BackboneChoice


@pytest.mark.parametrize("decay", [1.0, 0.5])
def test_the_trunk_s_last_layers_have_the_rate_that_was_asked_for_and_earlier_ones_less(decay: float) -> None:
    backbone = load_backbone(BackboneChoice("test_efficientnet", "random", Preprocess(48, 48)), Path(), 0)
    width = backbone.features
    head = StandardHead(
        Head(np.zeros((2, width), np.float32), np.zeros(2, np.float32)),
        np.zeros(width, np.float32),
        np.ones(width, np.float32),
    )
    model = TrainingModel(trunk(backbone, ()), head, unused_parameters(backbone), "eval")
    options = TrainingOptions(learning_rate=0.5, head_learning_rate=2.0, warmup=0.0, epochs=2)
    optimizer = optimizer_of(model, options, decay)
    schedule_of(optimizer, options, 10).step_update(0)
    last = next(p for name, p in model.trunk.backbone.named_parameters() if name == "conv_head.weight")
    first = next(p for name, p in model.trunk.backbone.named_parameters() if name == "conv_stem.weight")
    rates = {id(parameter): group["lr"] for group in optimizer.param_groups for parameter in group["params"]}
    assert rates[id(last)] == pytest.approx(0.5)
    assert rates[id(model.head.linear.weight)] == pytest.approx(2.0)
    assert (rates[id(first)] < 0.1) == (decay < 1)
