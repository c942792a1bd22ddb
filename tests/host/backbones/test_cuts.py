"""Promises of :mod:`edgetl.host.backbones.cuts`, for every family that ``benchmarks/families.py`` deploys."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from families import FAMILIES

from edgetl.host.backbones import HEAD, Backbone, load_backbone, trunk, trunk_features
from edgetl.host.backbones.cuts import cut_at, stages_of
from edgetl.preprocess import Preprocess
from edgetl.recipe import BackboneChoice

LARGER = ("mobilenetv3_large_100", "resnet50", "vgg16")
SIDE = 64


def without_weights(name: str) -> Any:
    """A network that knows the shapes of its outputs and computes nothing."""
    with torch.device("meta"):
        return timm.create_model(name).eval()


def loaded(name: str) -> Backbone:
    return load_backbone(BackboneChoice(name, "random", Preprocess(SIDE, SIDE)), Path(), seed=0)


def images() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8))


def features(backbone: Backbone, stages: tuple[str, ...]) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = trunk(backbone, stages)(images())
    return found


@pytest.mark.parametrize("name", [*FAMILIES, *LARGER])
def test_stages_are_modules_with_the_channels_and_reduction_of_a_forward_pass(name: str) -> None:
    module = without_weights(name)
    stages = stages_of(module)
    cut = cut_at(module, stages, frozenset(stage.name for stage in stages))
    blocks = {"extra_blocks": True} if cut.all_blocks else {}
    _, height, width = module.pretrained_cfg["input_size"]
    pixels = torch.zeros(1, 3, height, width, device="meta")
    with torch.inference_mode():
        _, outputs = module.forward_intermediates(pixels, indices=list(cut.indices), output_fmt="NCHW", **blocks)
    assert {stage.name for stage in stages} <= {path for path, _ in module.named_modules()}
    # sizes are nominal: unpadded convolutions, as Inception's, take some pixels more
    assert [(stage.channels, stage.reduction) for stage in stages] == [
        (output.shape[1], 2 ** round(math.log2(height / output.shape[2]))) for output in outputs
    ]


@pytest.mark.parametrize(
    ("name", "unlisted"),
    [
        ("tf_efficientnet_lite0", ["blocks.3", "blocks.5"]),
        ("mobilenetv3_small_100", ["blocks.2", "blocks.4"]),
        ("mobilenetv4_conv_small", ["blocks.3"]),
        ("resnet18", []),
    ],
)
def test_blocks_that_timm_does_not_list_are_stages_too(name: str, unlisted: list[str]) -> None:
    stages = stages_of(without_weights(name))
    assert [stage.name for stage in stages if not stage.listed] == unlisted


def test_an_unlisted_block_gives_the_output_of_its_module() -> None:
    backbone, seen = loaded("tf_efficientnet_lite0"), {}
    block = backbone.module.get_submodule("blocks.3")
    handle = block.register_forward_hook(lambda _module, _inputs, output: seen.update(output=output))
    found = features(backbone, ("blocks.3",))
    handle.remove()
    torch.testing.assert_close(found, seen["output"].mean((2, 3)))


def test_an_unlisted_block_beside_listed_ones_comes_in_network_order_and_leaves_them_as_they_are() -> None:
    backbone = loaded("mobilenetv3_small_100")
    whole = features(backbone, (HEAD, "blocks.4", "bn1"))
    assert trunk_features(backbone, (HEAD, "blocks.4", "bn1")) == (("bn1", 16), ("blocks.4", 96), (HEAD, 1024))
    torch.testing.assert_close(whole[:, :16], features(backbone, ("bn1",)))
    torch.testing.assert_close(whole[:, 112:], features(backbone, (HEAD,)))


def test_listed_stages_are_cut_and_keyed_as_timm_counts_them() -> None:
    backbone = loaded("tf_efficientnet_lite0")
    assert [name for name, _ in trunk_features(backbone)] == ["blocks.2", "blocks.4", "blocks.6", HEAD]
    assert trunk(backbone).extra_repr() == "indices=[2, 3, 4], with_head=True, pooling=('mean',)"
    assert "indices=[3, 4, 5], with_head=False, pooling=('mean',), all_blocks=True" in repr(
        trunk(backbone, ("blocks.2", "blocks.3", "blocks.4"))
    )
